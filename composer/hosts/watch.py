"""How a deployment is seen to run that runs on several hosts, some of which may be away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from composer.deployment.image_record import ImageRecord
from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.hosts.parallel import on_each
from composer.hosts.places import Place, Places, places
from composer.images.building import image_statuses
from composer.model.errors import ComposerError, NotHealthy
from composer.model.reporter import some_of
from composer.model.status import FederationStatus, ImageStatus, ParticipantStatus
from composer.runtimes.view import merge
from composer.system.foreign_text import clip

# `status` is to be back within 10 s however many hosts are away.
_STATUS_SECONDS = 9.0
_LOOK_SECONDS = 10.0


def status(manifest: Manifest, deployment: Path) -> FederationStatus:
    """Return how every participant is seen to run; those on a host that is away are of state ``unknown``."""
    began = datetime.now(timezone.utc)
    with places(manifest, deployment, _STATUS_SECONDS - 3) as opened:
        seen = _look(opened, manifest, _STATUS_SECONDS - 2)
        rows = {one.name: one for one in seen.participants}

        def explain(name: str) -> FederationStatus:
            place = opened.reached[name]
            part = FederationStatus(seen.federation, tuple(rows[one.name] for one in place.manifest.started))
            with place.entered():
                found = place.runtime.examine(began, part)
            return replace(found, participants=tuple(_with_drift(place, one) for one in found.participants))

        left = _STATUS_SECONDS - (datetime.now(timezone.utc) - began).total_seconds()
        for outcome in on_each(tuple(opened.reached), explain, max(left, 1.0)).values():
            if isinstance(outcome, FederationStatus):
                rows.update({one.name: one for one in outcome.participants})
    return replace(seen, participants=tuple(rows[one.name] for one in manifest.started))


@dataclass(frozen=True)
class Watched:
    """What is waited for on the hosts that were reached."""

    opened: Places
    manifest: Manifest
    deployment: Path

    def observe(self, now: datetime) -> FederationStatus:  # noqa: ARG002
        """Look at every participant there, once.

        Raises:
            NotHealthy: Somebody else listens on a port of a participant.
        """
        seen = _look(self.opened, self.manifest, _LOOK_SECONDS)
        waited = [one for one in seen.participants if one.host in self.opened.reached]
        # Who has joined the server's port answers for it, and knows no certificate of the federation's.
        answered_by_others = any(one.type == "server" and ": TLS: " in one.detail for one in waited)
        if answered_by_others or all(one.state == "running" and one.registered for one in waited):
            self._require_unshared_ports()
        return replace(seen, participants=tuple(waited))

    def _require_unshared_ports(self) -> None:
        """Once, when all is well or odd, since it takes a call more than a look."""
        asked = [place.name for place in self.opened.far if any(one.listens for one in place.manifest.started)]
        strangers = on_each(asked, lambda name: self.opened.reached[name].runtime.strangers(), _LOOK_SECONDS)
        for host, found in strangers.items():
            for name, what in found.items() if not isinstance(found, ComposerError) else ():
                if what:
                    raise NotHealthy(f"{name}: {what}", f"end on {host} what is not the participant's; see who runs it")

    def unreachable(self, participant: DeployedParticipant) -> str:
        """Return why the other side of its connection does not answer as it must, tried from its own host."""
        place = self.opened.reached[participant.host]
        try:
            return place.runtime.unreachable(participant)
        except ComposerError as error:
            return f"{place.name}: {error.message}"

    def last_log_line(self, name: str) -> str:
        """Return the last line that a participant itself wrote; empty where there is none."""
        place = self.opened.reached[self.manifest.participant(name).host]
        try:
            return place.runtime.last_log_line(name)
        except ComposerError:
            return ""


def images_on_hosts(manifest: Manifest, deployment: Path) -> tuple[ImageStatus, ...]:
    """Return how the images of the participants on other hosts stand there; ``unknown`` where a host is away."""
    with places(manifest, deployment, _STATUS_SECONDS, [host.name for host in manifest.hosts]) as opened:

        def see(name: str) -> tuple[ImageStatus, ...]:
            place = opened.reached[name]
            return image_statuses(place.manifest, place.engine.image_facts(), ImageRecord(deployment, name).read())

        seen = on_each(tuple(opened.reached), see, _STATUS_SECONDS)
    rows = []
    for host in manifest.hosts:
        found = seen.get(host.name)
        if found is None or isinstance(found, ComposerError):
            there = manifest.on(host.name).participants
            found = tuple(ImageStatus(one.name, one.type, one.image, "unknown") for one in there)
        rows += [replace(row, host=host.name) for row in found]
    return tuple(rows)


def _look(opened: Places, manifest: Manifest, seconds: float) -> FederationStatus:
    now = datetime.now(timezone.utc)
    outcomes = on_each(tuple(opened.reached), lambda name: opened.reached[name].runtime.view(now), seconds)
    views = [outcome for outcome in outcomes.values() if not isinstance(outcome, ComposerError)]
    errors = {**opened.away, **{name: one for name, one in outcomes.items() if isinstance(one, ComposerError)}}
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


def _with_drift(place: Place, status: ParticipantStatus) -> ParticipantStatus:
    service = place.manifest.participant(status.name).service
    own = (f"kits/{service}/", f"local/{service}/")
    changed = [path for path in place.found.tampered if path.startswith(own)] if place.found else []
    words = f"{clip(some_of(changed))} was changed on {place.name}" if changed else ""
    return replace(status, drift="; ".join(part for part in (status.drift, words) if part))
