"""Reads files that belong to job code: workspaces, the job store, logs. composer is often root, job code is anybody's.

No link is followed, no pipe or device is opened for good, and no more is read than was asked for.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# NONBLOCK: a pipe that nobody writes to would be waited for.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True)
class ForeignFile:
    """What was read of a file, and when it was written (seconds since 1970)."""

    content: bytes
    written: float


def read_foreign(folder: Path, path: str, most: int, from_end: bool = False) -> ForeignFile:
    """Read a regular file below a folder.

    Args:
        folder: composer's own, where what lies below is not.
        path: Of the file, relative to the folder.
        most: Bytes that are read at most.
        from_end: Read the last bytes rather than the first.

    Raises:
        OSError: It is not there, may not be read, or it or a folder above it is a link, a pipe, a device or a folder.
    """
    *above, name = path.split("/")
    opened = [os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        for one in above:
            opened.append(os.open(one, _FOLDER, dir_fd=opened[-1]))
        opened.append(os.open(name, _FILE, dir_fd=opened[-1]))
        status = os.fstat(opened[-1])
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(folder / path))
        start = max(status.st_size - most, 0) if from_end else 0
        return ForeignFile(os.pread(opened[-1], most, start), status.st_mtime)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def list_foreign(folder: Path, path: str, most: int) -> tuple[str, ...]:
    """Return the names in a folder below ``folder``, sorted.

    Args:
        folder: composer's own, where what lies below is not.
        path: Of the folder that is listed, relative to the other.
        most: Names that are returned at most.

    Raises:
        OSError: It is not there, may not be read, or it or a folder above it is a link.
    """
    opened = [os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        for one in path.split("/"):
            opened.append(os.open(one, _FOLDER, dir_fd=opened[-1]))
        with os.scandir(opened[-1]) as entries:
            return tuple(sorted(entry.name for entry in islice(entries, most)))
    finally:
        for descriptor in opened:
            os.close(descriptor)
