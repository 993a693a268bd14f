"""Who is known under which names on a bridge network, where Docker's own DNS stands for /etc/hosts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from composer.model.errors import ComposerError
from composer.model.kit import Kit
from composer.model.names import is_address, is_host_name

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def resolve_aliases(kit: Kit, kits: Sequence[Kit], places: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names under which a participant is dialled by those on its own host, itself included.

    Args:
        kit: The participant's.
        kits: All.
        places: The host of each participant.

    Raises:
        ComposerError: It is dialled under a name that means every container itself.
    """
    server = next((other.name for other in kits if other.type == "server"), "")
    dialled = {
        connection.host
        for other in kits
        if places.get(other.name) == places[kit.name]
        for connection in other.connects_to
        if (connection.identity or server) == kit.name
    }
    for host in dialled:
        if host in _LOOPBACK:
            raise ComposerError(
                f"the kits dial {kit.name} at {host}, which on a bridge is each container itself",
                "leave out network: bridge, or provision the project with a host name for the server",
            )
    names = dialled | {listener.host for listener in kit.listens_on}
    return tuple(
        sorted(name for name in names if name not in _LOOPBACK and not is_address(name) and is_host_name(name))
    )
