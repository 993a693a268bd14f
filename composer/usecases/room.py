"""What the definition and this machine leave to the kits that are checked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from composer.model.kinds import LOCAL
from composer.system import limits

if TYPE_CHECKING:
    from composer.definition import Definition
    from composer.kits.checks.subject import Room

# As Compose reads sizes (docker/go-units: RAMInBytes).
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?", re.ASCII | re.IGNORECASE)


def room_of(definition: Definition, starts: bool) -> Room:
    """Return where kits are to run and what they get there.

    Args:
        definition: The user's choices.
        starts: Whether the command is about to start them.
    """
    from composer.kits.checks.subject import MachineLimits, Room

    hosts = {name: choice.host for name, choice in definition.participants.items() if choice.host}
    here = {LOCAL, *(name for name, host in definition.hosts.items() if host.endpoint == LOCAL)}
    processes = definition.runtime == "process"
    machine = MachineLimits(limits.memory(), limits.threads(), limits.open_files() if processes else 0)
    return Room(
        starts,
        {name: host for name, host in hosts.items() if host not in here},
        definition.max_num_clients,
        {}
        if processes
        else {name: bytes_of(choice.shm_size or "") for name, choice in definition.participants.items()},
        machine,
    )


def bytes_of(size: str) -> int:
    """Return the bytes of a size as Compose reads it; 0 where it is none."""
    found = _SIZE.fullmatch(size)
    return int(float(found[1]) * 1024 ** " kmgtp".index(found[2].lower() or " ")) if found else 0
