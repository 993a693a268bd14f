"""Processes to run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """A process to run: argv as data. ``environment`` is laid over the caller's own; None takes a name away."""

    argv: tuple[str, ...]
    environment: tuple[tuple[str, str | None], ...] = ()
    folder: Path | None = None
