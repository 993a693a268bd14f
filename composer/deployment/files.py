"""Single files and folders of a deployment, with modes that no umask changes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def make_folder(path: Path, mode: int) -> None:
    """Make a folder, and those above it, with modes that no umask changes; one that is there keeps its mode."""
    if not path.is_dir():
        if not path.parent.is_dir():
            make_folder(path.parent, 0o755)
        path.mkdir()
        path.chmod(mode)


def write(path: Path, content: bytes, mode: int) -> None:
    """Write a new file, on the disk itself, with a mode that no umask changes."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor, not a path
        stream.write(content)
        stream.flush()
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
