"""How a deployment is seen to run on all its hosts, some of which may be away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.hosts.connected import ConnectedHost, ConnectedHosts, connect_hosts, each_of
from composer.model.errors import ComposerError, NotHealthy
from composer.model.kinds import LOCAL
from composer.model.status import FederationStatus, ParticipantStatus
from composer.runtimes.view import merge

# `status` is to be back within 10 s however many hosts are away.
_STATUS_SECONDS = 9.0
_LOOK_SECONDS = 10.0


def status(manifest: Manifest, deployment: Path) -> FederationStatus:
    """Return how every participant is seen to run; those on another host that is away are of state ``unknown``.

    Raises:
        ComposerError: All run on this machine, and it cannot be asked.
    """
    began = datetime.now(timezone.utc)
    with connect_hosts(manifest, deployment, seconds=_STATUS_SECONDS - 3) as hosts:
        # Whom the server has is known only where it runs: what is seen of several is put together first.
        seen = _look(hosts, _STATUS_SECONDS - 2) if manifest.hosts else None
        rows = {one.name: one for one in seen.participants} if seen else {}

        def explain(host: ConnectedHost) -> FederationStatus:
            there = tuple(rows[one.name] for one in host.manifest.started) if seen else ()
            part = FederationStatus(manifest.federation, there) if seen else None
            with host.entered():
                found = host.runtime.examine(began, part)
            return replace(found, participants=tuple(_with_drift(host, one) for one in found.participants))

        left = _STATUS_SECONDS - (datetime.now(timezone.utc) - began).total_seconds()
        for outcome in hosts.each(explain, max(left, 1.0)).values():
            if isinstance(outcome, FederationStatus):
                rows.update({one.name: one for one in outcome.participants})
            elif not seen:
                raise outcome
    return FederationStatus(manifest.federation, tuple(rows.values()))


@dataclass(frozen=True)
class Watched:
    """What is waited for on the hosts that are connected (a :class:`composer.runtimes.Watched`)."""

    hosts: ConnectedHosts

    @property
    def manifest(self) -> Manifest:
        """What was generated."""
        return self.hosts.manifest

    @property
    def deployment(self) -> Path:
        """The deployment folder."""
        return self.hosts.deployment

    def observe(self, now: datetime) -> FederationStatus:  # noqa: ARG002
        """Look at every participant there, once.

        Raises:
            NotHealthy: Somebody else listens on a port of a participant.
        """
        seen = _look(self.hosts, _LOOK_SECONDS)
        waited = [one for one in seen.participants if one.host in self.hosts.connected]
        # Who has joined the server's port answers for it, and knows no certificate of the federation's.
        answered_by_others = any(one.type == "server" and ": TLS: " in one.detail for one in waited)
        if answered_by_others or all(one.state == "running" and one.registered for one in waited):
            self._require_unshared_ports()
        return replace(seen, participants=tuple(waited))

    def _require_unshared_ports(self) -> None:
        """Once, when all is well or odd, since it takes a call more than a look."""
        asked = [host for host in self.hosts.remote if any(one.listens for one in host.manifest.started)]
        strangers = each_of(asked, lambda host: host.runtime.strangers(), _LOOK_SECONDS)
        for name, found in strangers.items():
            for one, what in found.items() if not isinstance(found, ComposerError) else ():
                if what:
                    raise NotHealthy(f"{one}: {what}", f"end on {name} what is not the participant's; see who runs it")

    def unreachable(self, participant: DeployedParticipant) -> str:
        """Return why the other side of its connection does not answer as it must, tried from its own host."""
        host = self.hosts.connected[participant.host]
        try:
            with host.named():
                return host.runtime.unreachable(participant)
        except ComposerError as error:
            return error.message

    def last_log_line(self, name: str) -> str:
        """Return the last line that a participant itself wrote; empty where there is none."""
        host = self.hosts.connected[self.manifest.participant(name).host]
        try:
            return host.runtime.last_log_line(name)
        except ComposerError:
            return ""


def _look(hosts: ConnectedHosts, seconds: float) -> FederationStatus:
    now, manifest = datetime.now(timezone.utc), hosts.manifest
    outcomes = hosts.each(lambda host: host.runtime.view(now), seconds)
    views = [outcome for outcome in outcomes.values() if not isinstance(outcome, ComposerError)]
    errors = {**hosts.unreachable, **{name: one for name, one in outcomes.items() if isinstance(one, ComposerError)}}
    if LOCAL in errors and not manifest.hosts:
        raise errors[LOCAL]
    rows = {one.name: one for one in merge(manifest.federation, views).participants}
    participants = (rows.get(one.name) or _unknown(one, errors[one.host], now) for one in manifest.started)
    return FederationStatus(manifest.federation, tuple(participants))


def _unknown(participant: DeployedParticipant, error: ComposerError, now: datetime) -> ParticipantStatus:
    return ParticipantStatus(
        name=participant.name,
        type=participant.type,
        host=participant.host,
        state="unknown",
        health="none",
        registered=False,
        since=None,
        certificate_days_left=(participant.certificate_not_after - now) // timedelta(days=1),
        image=participant.image,
        detail=error.message.split("\n")[0],
    )


def _with_drift(host: ConnectedHost, status: ParticipantStatus) -> ParticipantStatus:
    known = {one.name: one.service for one in host.manifest.participants}
    moved = host.drift(known[status.name]) if status.name in known else ""
    return replace(status, drift="; ".join(part for part in (status.drift, moved) if part))
