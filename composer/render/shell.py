"""Values as a shell reads them. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

_Value = str | Sequence[str]


def assignments(**values: _Value) -> str:
    """Return shell assignments, each value quoted once; a sequence becomes an array."""
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())


def _quoted(value: _Value) -> str:
    return shlex.quote(value) if isinstance(value, str) else f"({' '.join(map(shlex.quote, value))})"
