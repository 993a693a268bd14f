"""How a deployment's containers are seen to run: from their engine, their workspaces and the server's own log."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.model.kinds import LOCAL
from composer.model.status import FederationStatus, Health, ParticipantStatus, State
from composer.runtimes import docker
from composer.runtimes.admissions import DOCUMENTS, LAG, TEXT, ServerLog, admissions
from composer.runtimes.authority import fingerprint_of
from composer.runtimes.engine import Engine
from composer.runtimes.engine_answers import Container
from composer.runtimes.listeners import listeners_there, told_of_listeners
from composer.runtimes.state_file import MOST, STATE_FILE, parse_state
from composer.runtimes.view import View, merge
from composer.system.foreign_files import ForeignFile, read_foreign
from composer.system.foreign_text import clip
from composer.system.probe import Identity, explain, shake_hands
from composer.system.redact import clean_log_line

# Who has been up for so long does not crash again and again, however often it has been restarted before.
_SETTLED = timedelta(minutes=10)
# How much of the server's log is read: thousands of sites' comings and goings.
_TAIL = 2**21
# 128 + SIGTERM, as Docker gives it.
_TERMINATED = 143


class Traces(Protocol):
    """How what participants leave on their host is read from here."""

    def state(self, participant: DeployedParticipant, container: Container) -> ForeignFile:
        """Return ``composer.state``; OSError where there is none that can be read."""

    def server_log(self, participant: DeployedParticipant, container: Container | None) -> ServerLog:
        """Return the end of the server's log; OSError where there is none."""

    def unreachable(self, participant: DeployedParticipant, container: Container | None) -> str:
        """Return why the other side of a participant's connection does not answer as it must; empty if it does."""


@dataclass(frozen=True)
class Here:
    """The traces of participants on this machine."""

    deployment: Path

    def state(self, participant: DeployedParticipant, container: Container) -> ForeignFile:  # noqa: ARG002
        """Read the file in the workspace."""
        return read_foreign(self.deployment, f"workspaces/{participant.service}/{STATE_FILE}", MOST)

    def server_log(self, participant: DeployedParticipant, container: Container | None) -> ServerLog:  # noqa: ARG002
        """Read it in the workspace."""
        return read_server_log(partial(read_foreign, self.deployment / "workspaces"), participant.service)

    def unreachable(self, participant: DeployedParticipant, container: Container | None) -> str:  # noqa: ARG002
        """Try it from here."""
        return unreachable(participant)


def view(engine: Engine, manifest: Manifest, deployment: Path, now: datetime, traces: Traces) -> View:
    """Look at the participants of one host."""
    return _view(manifest, docker.own_containers(engine, manifest, deployment), now, traces)


def _view(manifest: Manifest, containers: Mapping[str, Container], now: datetime, traces: Traces) -> View:
    statuses = (_status(one, containers.get(one.name), traces, now) for one in manifest.started)
    return View(
        tuple(statuses), admitted(manifest, lambda server: traces.server_log(server, containers.get(server.name)))
    )


def examine(
    engine: Engine,
    manifest: Manifest,
    deployment: Path,
    now: datetime,
    traces: Traces,
    configurations: Callable[[], Mapping[str, str]],
    seen: FederationStatus | None = None,
) -> FederationStatus:
    """Observe, and find out what takes longer: why somebody is not well, and what is not as it was generated.

    Args:
        engine: The engine that runs the deployment.
        manifest: What was generated.
        deployment: The deployment folder.
        now: The time.
        traces: How what the participants leave is read.
        configurations: Waits for what :func:`composer.runtimes.docker.configurations` returns, which was called before.
        seen: What was observed just now; None: nothing was.
    """
    containers = docker.own_containers(engine, manifest, deployment)
    seen = seen or merge(manifest.federation, [_view(manifest, containers, now, traces)])
    listening = {
        one.name: listeners_there(engine, one, containers.get(one.name))
        for one in manifest.started
        # On this machine's own network it is looked at from this machine, which knows all processes.
        if one.host != LOCAL or manifest.publish
    }
    hashes = configurations()
    deployed = {participant.name: participant for participant in manifest.participants}
    reasons: dict[tuple[str, int], str] = {}
    examined = []
    for one in seen.participants:
        participant, container = deployed[one.name], containers.get(one.name)
        detail = one.detail
        if container and not one.registered:
            where = (participant.address, participant.port)
            if participant.type != "server" and where not in reasons:
                reasons[where] = traces.unreachable(participant, container)
            detail = _why_not_well(engine, container, one, reasons.get(where, ""), now)
        if container is None and not detail:
            detail = f"it was not started, or was stopped: composer start {one.name}"
        fresh = container is None or container.inputs == participant.inputs
        drift = _drift(participant, container, hashes)
        row = replace(one, detail=detail, image_fresh=fresh, drift=drift)
        examined.append(told_of_listeners(row, listening.get(one.name, "")))
    return replace(seen, participants=tuple(examined))


def _why_not_well(
    engine: Engine, container: Container, status: ParticipantStatus, unreached: str, now: datetime
) -> str:
    # The engine counts restarts for as long as there is the container: those of last month are over.
    up = now - container.started if container.started else timedelta()
    if status.state == "running" and (container.restarts < docker.CRASH_LOOP or up > _SETTLED):
        if status.type == "server" or container.started is None:
            return status.detail
        minutes = int(up.total_seconds() / 60)
        since = f"up for {minutes} min and not registered" if minutes else "not registered yet"
        return "; ".join(part for part in (since, status.detail, unreached) if part)
    if status.state in ("running", "restarting"):
        told = "crashes again and again" if container.restarts >= docker.CRASH_LOOP else "has crashed"
        said = last_log_line(engine, container)
        return "; ".join(part for part in (told, _memory(container), f"its last line: {said}" if said else "") if part)
    return status.detail


def _drift(participant: DeployedParticipant, container: Container | None, hashes: Mapping[str, str]) -> str:
    if container is None:
        return ""
    found = []
    if container.configuration != hashes.get(participant.service, container.configuration):
        found.append("docker-compose.yml or compose.override.yml has changed")
    if container.inputs != participant.inputs:
        found.append("the Dockerfile has changed since the image was built: composer up")
    now = fingerprint_of(participant.kit / "startup" / "rootCA.pem")
    if now not in (participant.root_fingerprint, container.authority):
        found.append("the kit has been replaced by one of another authority" if now else "the kit is gone")
    return "; ".join(found)


def read_server_log(read: Callable[[str, int, bool], ForeignFile], service: str) -> ServerLog:
    """Read the one of a server's two logs that cannot be forged, if it is written; else the other.

    Args:
        read: As :meth:`composer.runtimes.run_folder.Workspaces.read`.
        service: The server's.

    Raises:
        OSError: It has none.
    """

    def end_of(name: str) -> ForeignFile | None:
        try:
            return read(f"{service}/{name}", _TAIL, True)
        except OSError:
            return None

    # The text first, since NVFLARE writes a record there first: what is in the one is in the other by then.
    text, documents = end_of(TEXT), end_of(DOCUMENTS)
    if documents and (text is None or documents.written >= text.written - LAG):
        return ServerLog(documents.content, documents=True)
    if text is None:
        raise FileNotFoundError(errno.ENOENT, "the server has no log", service)
    return ServerLog(text.content)


def server_of(manifest: Manifest) -> DeployedParticipant:
    """Return the server of a host.

    Raises:
        OSError: It has none.
    """
    server = next((one for one in manifest.started if one.type == "server"), None)
    if server is None:
        raise FileNotFoundError(errno.ENOENT, "there is no server here")
    return server


def admitted(manifest: Manifest, server_log: Callable[[DeployedParticipant], ServerLog]) -> Mapping[str, bool]:
    """Return whom a server of this host has, as its log says; nothing where there is no server or no log."""
    try:
        return admissions(server_log(server_of(manifest)))
    except OSError:
        return {}


def last_log_line(engine: Engine, container: Container | None) -> str:
    """Return the last line that a participant itself wrote, without colours; empty where there is none."""
    return last_of(engine.last_lines(container.id, 20)) if container else ""


def last_of(lines: Sequence[str]) -> str:
    """Return the last line that is not empty and not the entrypoint's, as it can be shown in a sentence."""
    for line in reversed(lines):
        text = clean_log_line(line).strip()
        if text and not text.startswith("composer: "):
            return clip(text)
    return ""


def _status(
    participant: DeployedParticipant, container: Container | None, traces: Traces, now: datetime
) -> ParticipantStatus:
    state: State = container.state if container else "absent"
    registered, since, detail = False, None, ""
    if container and state == "running":
        if participant.type == "server":
            detail = traces.unreachable(participant, container)
            registered, since = not detail, container.started
        else:
            since = registered_since(traces, participant, container)
            registered = since is not None
    elif container and state == "paused":
        where = "" if participant.host == LOCAL else f" on {participant.host}"
        detail = f"somebody paused it: docker unpause {container.name}{where}"
    elif container and state == "exited":
        detail = "; ".join(part for part in (f"ended with status {container.exit_code}", _memory(container)) if part)
        if container.exit_code == 0:
            state, detail = "stopped", "shut down by an administrator"
        elif container.exit_code == _TERMINATED:
            detail = f"somebody stopped it: composer start {participant.name}"
    return ParticipantStatus(
        name=participant.name,
        type=participant.type,
        host=participant.host,
        state=state,
        health=_health(container, registered),
        registered=registered,
        since=since,
        certificate_days_left=(participant.certificate_not_after - now) // timedelta(days=1),
        image=participant.image,
        restarts=container.restarts if container else 0,
        detail=detail,
    )


def _memory(container: Container) -> str:
    return "it ran out of memory, says its engine" if container.out_of_memory else ""


def _health(container: Container | None, registered: bool) -> Health:
    """Docker looks every few minutes; until it has, what composer itself sees is the truth."""
    if container is None or container.state != "running":
        return "none"
    if container.health == "starting" and registered:
        return "healthy"
    return container.health


def registered_since(traces: Traces, participant: DeployedParticipant, container: Container) -> datetime | None:
    """Return when a running participant was accepted by the server; None while it has not been.

    The container's entrypoint says so in ``composer.state``; what it said before the container started is
    of a former life.
    """
    try:
        said = traces.state(participant, container)
    except OSError:
        return None
    word, since = parse_state(said.content)
    fresh = container.started is None or said.written >= container.started.timestamp()
    return since if word == "registered" and fresh else None


def says_registered(deployment: Path, participant: DeployedParticipant) -> bool:
    """Tell, for the price of a small file, whether a participant here says that it is registered."""
    try:
        said = read_foreign(deployment, f"workspaces/{participant.service}/{STATE_FILE}", MOST)
    except OSError:
        return False
    return parse_state(said.content)[0] == "registered"


def unreachable(participant: DeployedParticipant) -> str:
    """Return why the other side of a participant's connection does not answer as it must; empty if it does."""
    stem = "server" if participant.type == "server" else "client"
    startup = participant.kit / "startup"
    identity = Identity(startup / f"{stem}.crt", startup / f"{stem}.key", startup / "rootCA.pem")
    where = f"{participant.host_name}:{participant.port}"
    if participant.address not in (participant.host_name, "127.0.0.1"):
        where += f" at {participant.address}"
    try:
        name = shake_hands(participant.address, participant.port, identity, participant.security)
    except OSError as error:
        return f"{where}: {explain(error)}"
    if participant.security != "clear" and participant.identity and name != participant.identity:
        return f"{where}: answered by {name!r}, not by {participant.identity!r}"
    return ""
