"""Files that composer writes, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Owner:
    """Whom a file belongs to: numeric user and group."""

    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


@dataclass(frozen=True)
class GeneratedFile:
    """A file of the deployment folder: its path below it, its content and its mode."""

    path: PurePosixPath
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True)
class Rendering:
    """All that generate writes. ``folders`` are made (0700) where they are missing and never emptied."""

    files: tuple[GeneratedFile, ...]
    folders: tuple[tuple[PurePosixPath, Owner], ...]
