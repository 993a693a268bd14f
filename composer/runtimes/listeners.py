"""More than one process that listens on a port of ours: gRPC shares its port, and who joins takes its connections."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from composer.errors import NotHealthy
from composer.model import LOCAL
from composer.probe import holders_of

if TYPE_CHECKING:
    from composer.manifest import DeployedParticipant, Manifest
    from composer.status import FederationStatus
    from composer.talk import Talk


def with_shared_ports(status: FederationStatus, manifest: Manifest) -> FederationStatus:
    """Return the status in which nobody is well on this machine whose port a second process listens on."""
    told = dict(_shared(manifest.started)) if not manifest.publish else {}
    return replace(
        status,
        participants=tuple(
            replace(one, health="unhealthy", detail="; ".join(part for part in (told[one.name], one.detail) if part))
            if one.name in told and one.state == "running"
            else one
            for one in status.participants
        ),
    )


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


def name_opened_ports(manifest: Manifest, talk: Talk) -> None:
    """Say which participants but the server open a port, as their kits want it."""
    for one in manifest.started:
        if one.type != "server" and one.listens:
            talk.step(f"{one.name} opens port {' and '.join(map(str, one.listens))} to others, as its kit says")
