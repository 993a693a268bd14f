"""How much memory a participant may take, as composer.yml says it. Pure."""

from __future__ import annotations

from composer.definition import ParticipantChoice
from composer.model.errors import ComposerError
from composer.model.sizes import parse_size

# Docker refuses less (moby, daemon/daemon_unix.go: linuxMinMemory).
_LEAST = 6 << 20


def resolve_memory(name: str, choice: ParticipantChoice) -> str:
    """Return the memory limit of a participant; empty where it has none.

    Raises:
        ComposerError: It is no size, or less than Docker allows.
    """
    if choice.memory is None:
        return ""
    try:
        enough = parse_size(choice.memory) >= _LEAST
    except ValueError:
        enough = False
    if not enough:
        raise ComposerError(
            f"participants.{name}.memory: {choice.memory!r} is no size of at least 6m", "write a number and a unit: 16g"
        )
    return choice.memory
