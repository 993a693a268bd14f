"""More than one process that listens on a port of ours: gRPC shares its port, and who joins takes its connections."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from composer.model.errors import ComposerError, NotHealthy
from composer.model.kinds import LOCAL
from composer.render.templates import read_template
from composer.system.foreign_text import clean_line, clip
from composer.system.probe import holders_of

if TYPE_CHECKING:
    from composer.deployment.manifest import DeployedParticipant, Manifest
    from composer.model.reporter import Reporter
    from composer.model.status import FederationStatus, ParticipantStatus
    from composer.runtimes.engine import Engine
    from composer.runtimes.engine_answers import Container

_LINE = re.compile(r"([0-9]{1,5}) (?:outside|([0-9]{1,10}) (.{1,200}))")
# What is looked at of what a container says, in which job code runs.
_MOST_LINES = 32


def with_shared_ports(status: FederationStatus, manifest: Manifest) -> FederationStatus:
    """Return the status in which nobody is well on this machine whose port a second process listens on."""
    told = dict(_shared(manifest.started)) if not manifest.publish else {}
    return replace(
        status,
        participants=tuple(told_of_listeners(one, told.get(one.name, "")) for one in status.participants),
    )


def told_of_listeners(status: ParticipantStatus, what: str) -> ParticipantStatus:
    """Return the status with what is wrong with a participant's listeners, with which nobody who runs is well."""
    if not what or status.state != "running":
        return status
    return replace(status, health="unhealthy", detail="; ".join(part for part in (what, status.detail) if part))


def listeners_there(engine: Engine, participant: DeployedParticipant, container: Container | None) -> str:
    """Return what is wrong with who listens on a participant's ports, asked in its container; empty if nothing is.

    The container sees the tables of the network in which the participant listens, on whatever host and network that
    is, and its own processes alone: a socket that none of these holds is somebody else's.

    Args:
        engine: That of the participant's host.
        participant: Who it is; one that opens no port costs nothing.
        container: Its container, if it has one.
    """
    if not participant.listens or container is None or container.state != "running":
        return ""
    program = read_template("listeners.py").decode()
    ports = [str(port) for port in participant.listens]
    try:
        status, said = engine.run_in(container.id, "timeout", "5", "python3", "-I", "-c", program, *ports)
    except ComposerError:
        # It has ended since, or its host is away, which is told elsewhere.
        return ""
    if status:
        # Who has the same user id may end the look, too: that must not look as if all were well.
        return f"it cannot be seen who listens on port {' and '.join(ports)} (status {status})"
    return "; ".join(
        f"port {port} has several listeners: {', '.join(holders)}"
        for port in participant.listens
        if (holders := list(_said_of(port, said.split("\n")[:_MOST_LINES])))
    )


def _said_of(port: int, lines: Collection[str]) -> Iterator[str]:
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None or int(found[1]) != port:
            continue
        if found[2] is None:
            yield "one outside of its container"
        else:
            yield f"{clip(clean_line(found[3]), 40)} (process {found[2]} of its container)"


def require_unshared_ports(manifest: Manifest) -> None:
    """Make sure that nobody but the participants themselves listens on their ports on this machine.

    Raises:
        NotHealthy: A second process does.
    """
    for name, what in _shared(manifest.started) if not manifest.publish else ():
        raise NotHealthy(f"{name}: {what}", "end the process that is not the participant's, and see who runs it")


def _shared(participants: Iterable[DeployedParticipant]) -> Iterable[tuple[str, str]]:
    for participant in participants:
        for port in participant.listens if participant.host == LOCAL else ():
            holders = holders_of(port)
            if len(holders) > 1:
                yield participant.name, f"port {port} has several listeners: {', '.join(holders)}"


def name_opened_ports(manifest: Manifest, reporter: Reporter) -> None:
    """Say which participants but the server open a port, as their kits or their sites want it."""
    for one in manifest.started:
        if one.type != "server" and one.listens:
            reporter.step(
                f"{one.name} opens port {' and '.join(map(str, one.listens))} to others, as its comm_config.json says"
            )
