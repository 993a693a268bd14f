"""Kits together: one project, one server, every name once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from composer.model.errors import ComposerError
from composer.model.kit import Kit, Project

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_ORDER = ("server", "relay", "client", "admin")


def project_of(kits: Sequence[Kit], authority: str) -> Project:
    """The project that the kits make up, its kits sorted: server, relays (parents first), clients, admins.

    Args:
        kits: At least one.
        authority: The name of the authority that certified the first: the project's name where no kit says.

    Raises:
        ComposerError: Two servers, two kits of one name, or kits of different projects.
    """
    require_one_server([kit.path for kit in kits if kit.type == "server"])
    named: dict[str, Kit] = {}
    for kit in kits:
        other = named.setdefault(kit.name, kit)
        if other is not kit:
            raise ComposerError(f"two kits of {kit.name}: {other.path} and {kit.path}", "give only one of them")
    _require_one_project(kits)
    name = next((kit.project for kit in kits if kit.project), authority)
    return Project(name, in_order(kits))


def require_one_server(servers: Sequence[Path]) -> None:
    """Make sure that a federation has one server at most, given the paths of the servers' kits.

    Raises:
        ComposerError: There are two.
    """
    if len(servers) > 1:
        raise ComposerError(f"two servers: {servers[0]} and {servers[1]}", "a federation has one; give the kits of one")


def _require_one_project(kits: Sequence[Kit]) -> None:
    first = next((kit for kit in kits if kit.project), kits[0])
    for kit in kits:
        if kit.project and kit.project != first.project:
            raise ComposerError(
                f"kits of two projects: {first.path} is of {first.project}, {kit.path} of {kit.project}",
                "give the kits of one project",
            )
        if kit.root_fingerprint != first.root_fingerprint:
            raise ComposerError(
                f"kits of two authorities: {first.path} and {kit.path} do not trust the same rootCA.pem",
                "give the kits of one provisioning",
            )


def in_order(kits: Iterable[Kit]) -> tuple[Kit, ...]:
    """Kits in the order in which they are started: what others connect to comes first."""
    kits = list(kits)
    relays = {kit.name: kit for kit in kits if kit.type == "relay"}

    def depth(kit: Kit) -> int:
        steps, seen = 0, set[str]()
        while kit.connects_to and kit.connects_to[0].identity in relays and kit.name not in seen:
            seen.add(kit.name)
            kit = relays[kit.connects_to[0].identity]
            steps += 1
        return steps

    def rank(kit: Kit) -> tuple[int, int, str]:
        return _ORDER.index(kit.type), depth(kit) if kit.type == "relay" else 0, kit.name

    return tuple(sorted(kits, key=rank))
