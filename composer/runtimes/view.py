"""What is seen of one host, and what that makes of a federation whose parts are seen so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from composer.model.status import FederationStatus, Health, ParticipantStatus


@dataclass(frozen=True)
class View:
    """The participants of one host as they are seen there, and whom a server there has."""

    participants: tuple[ParticipantStatus, ...]
    admitted: Mapping[str, bool]


def merge(federation: str, views: Iterable[View]) -> FederationStatus:
    """Return how a federation is seen to run whose parts are seen so."""
    views = tuple(views)
    admitted = {name: has for one in views for name, has in one.admitted.items()}
    seen = (_as_the_server_sees(status, admitted) for one in views for status in one.participants)
    return FederationStatus(federation, tuple(seen))


def _as_the_server_sees(status: ParticipantStatus, admitted: Mapping[str, bool]) -> ParticipantStatus:
    """A site knows when it was accepted; that it has been forgotten since, only the server does."""
    if status.type == "server" or not status.registered or admitted.get(status.name, True):
        return status
    return replace(
        status, registered=False, since=None, health=_forgotten(status.health), detail="the server does not have it"
    )


def _forgotten(health: Health) -> Health:
    return "starting" if health == "healthy" else health
