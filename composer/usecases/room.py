"""What the definition and this machine leave to the kits that are checked."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Literal

from composer.model.kinds import LOCAL
from composer.model.sizes import parse_size
from composer.system import limits

if TYPE_CHECKING:
    from composer.definition import Definition
    from composer.kits.checks.subject import Room


def room_of(definition: Definition, starts: bool) -> Room:
    """Return where kits are to run and what they get there.

    Args:
        definition: The user's choices.
        starts: Whether the command is about to start them.
    """
    from composer.kits.checks.subject import MachineLimits, Room

    hosts = {name: choice.host for name, choice in definition.participants.items() if choice.host}
    here = {LOCAL, *(name for name, host in definition.hosts.items() if host.endpoint == LOCAL)}
    contained = definition.in_containers_here
    machine = MachineLimits(limits.memory(), limits.threads(), 0 if contained else limits.open_files())
    return Room(
        starts,
        {name: host for name, host in hosts.items() if host not in here},
        definition.max_num_clients,
        _sizes(definition, "shm_size") if contained else {},
        _sizes(definition, "memory") if contained else {},
        machine,
    )


def _sizes(definition: Definition, key: Literal["memory", "shm_size"]) -> dict[str, int]:
    sizes = {}
    for name, choice in definition.participants.items():
        # What is no size is refused when the definition is resolved.
        with contextlib.suppress(ValueError):
            if size := getattr(choice, key):
                sizes[name] = parse_size(size)
    return sizes
