"""Folders by their descriptors: no link is followed, whatever somebody makes of a folder meanwhile.

Job code owns what is in the workspaces, and composer is often root.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath

# To pass through a folder takes no right to read it.
_ON_THE_WAY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Yield the descriptor of a folder, given by its real path.

    Raises:
        OSError: It is missing, or it or a folder above it is a link.
    """
    with opened_below(None, path.anchor, path.relative_to(path.anchor)) as folder:
        yield folder


@contextmanager
def opened_below(top: int | None, anchor: str, path: PurePath, make: int | None = None) -> Iterator[int]:
    """Yield the descriptor of a folder below another one.

    Args:
        top: The descriptor of the other one; None: ``anchor`` is a path from the root.
        anchor: The folder that ``path`` is below: ``.``, or a path.
        path: Relative, without ``..``.
        make: The mode of the folders that are made where they are missing, while those that their owner, this user, has
            closed are opened again; None: all stay as they are.

    Raises:
        OSError: One is missing, or is a link; it is named.
    """
    here = os.open(anchor, FOLDER, dir_fd=top)
    try:
        for at, part in enumerate(path.parts, 1):
            try:
                if make is not None and _made(here, part):
                    # The mode that is asked for, whatever the umask.
                    below = os.open(part, FOLDER, dir_fd=here)
                    os.fchmod(below, make)
                elif make is not None:
                    below = _entered(here, part)
                else:
                    below = os.open(part, FOLDER if at == len(path.parts) else _ON_THE_WAY, dir_fd=here)
            except OSError as error:
                raise _named(error, PurePath(*path.parts[:at])) from error
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


def _made(folder: int, name: str) -> bool:
    try:
        os.mkdir(name, 0o700, dir_fd=folder)
    except FileExistsError:
        return False
    return True


def _named(error: OSError, path: PurePath) -> OSError:
    # Linux says ENOTDIR of a link, since only a folder was asked for.
    if error.errno in (errno.ENOTDIR, errno.ELOOP):
        return NotADirectoryError(errno.ENOTDIR, "it is a link, or no folder", str(path))
    error.filename = str(path)
    return error


@dataclass
class Deletion:
    """What could not be deleted, first things first, and why."""

    failed: list[tuple[str, str | None]] = field(default_factory=list)

    def delete_file(self, top: int, path: PurePath) -> None:
        """Delete a plain file below a folder, and the folders above it that this empties; nothing else."""
        try:
            with opened_below(top, ".", path.parent) as folder:
                if not stat.S_ISREG(os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode):
                    return
                os.unlink(path.name, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self.failed.append((str(path), error.strerror))
        for parent in list(path.parents)[:-1]:
            try:
                with opened_below(top, ".", parent.parent) as folder:
                    os.rmdir(parent.name, dir_fd=folder)
            except OSError:
                return

    def delete_folder(self, top: int, path: PurePath) -> None:
        """Delete a folder with all that is in it, however deep; of links the links themselves.

        Only the folder at hand is open, so that its depth is bounded by nothing. The way up is taken only into
        the folder from which the way down was taken.
        """
        try:
            with opened_below(top, ".", path.parent) as above:
                self._delete_all(above, path)
                if path.parent.parts and not os.listdir(above):  # noqa: PTH208 - a descriptor, not a path
                    os.rmdir(path.parent, dir_fd=top)
        except FileNotFoundError:
            return
        except OSError as error:
            self.failed.append((str(path), error.strerror))

    def _delete_all(self, top: int, path: PurePath) -> None:
        here = _entered(top, path.name)
        trail = [_Level(path.name, here)]
        try:
            while trail:
                level = trail[-1]
                if level.names:
                    here = self._delete_entry(trail, here, level.names.pop())
                    continue
                above = os.dup(top) if len(trail) == 1 else os.open("..", FOLDER, dir_fd=here)
                os.close(here)
                here = above
                if len(trail) > 1 and _identity(here) != trail[-2].identity:
                    self.failed.append((_path(trail), "it was moved meanwhile"))
                    return
                try:
                    os.rmdir(level.name, dir_fd=here)
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        self.failed.append((_path(trail), error.strerror))
                trail.pop()
        except OSError as error:
            self.failed.append((_path(trail), error.strerror))
        finally:
            os.close(here)

    def _delete_entry(self, trail: list[_Level], here: int, name: str) -> int:
        try:
            entry = os.stat(name, dir_fd=here, follow_symlinks=False)
            if not stat.S_ISDIR(entry.st_mode):
                os.unlink(name, dir_fd=here)
                return here
            if entry.st_dev != trail[-1].identity[0]:
                raise OSError(errno.EBUSY, "another file system is mounted there")
            below = _entered(here, name)
            trail.append(_Level(name, below))
        except FileNotFoundError:
            return here
        except OSError as error:
            self.failed.append((f"{_path(trail)}/{name}", error.strerror))
            return here
        os.close(here)
        return below


@dataclass
class _Level:
    name: str
    descriptor: int
    identity: tuple[int, int] = field(init=False)
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.identity = _identity(self.descriptor)
        self.names = os.listdir(self.descriptor)  # noqa: PTH208 - a descriptor, not a path


def _entered(folder: int, name: str) -> int:
    """Open a folder whose owner may have lost the right to read it, or to delete from it."""
    entry = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISDIR(entry.st_mode) and entry.st_mode & 0o700 != 0o700 and entry.st_uid == os.geteuid():
        _let_in(folder, name)
    return os.open(name, FOLDER, dir_fd=folder)


def _let_in(folder: int, name: str) -> None:
    if os.chmod in os.supports_follow_symlinks:
        os.chmod(name, 0o700, dir_fd=folder, follow_symlinks=False)
        return
    # Linux changes no mode without following links, but for what is open already, for which O_PATH needs no right.
    place = os.open(name, getattr(os, "O_PATH", 0) | FOLDER, dir_fd=folder)
    try:
        os.chmod(f"/proc/self/fd/{place}", 0o700)  # noqa: PTH101 - no path of a user's
    finally:
        os.close(place)


def _identity(folder: int) -> tuple[int, int]:
    status = os.fstat(folder)
    return status.st_dev, status.st_ino


def _path(trail: list[_Level]) -> str:
    return "/".join(level.name for level in trail)
