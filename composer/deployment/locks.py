"""One composer at a time on a deployment folder, and on a Compose project whatever the folder.

Both locks are released by the kernel when the process ends, even after kill -9.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
import shlex
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from composer.model.errors import ComposerError
from composer.system.foreign_text import clip, escape_line

_LOCK = ".lock"
# Seconds between two tries to have what another one holds.
_TICK = 0.05
_LATER = "try again later, or add --wait"
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@contextlib.contextmanager
def lock_deployment(
    deployment: Path, wait: bool, waiting: Callable[[str], None], needed: bool = True
) -> Iterator[None]:
    """Keep every other composer away from a deployment folder; it is made where it is missing.

    Nothing of the lock is left behind, nor of a folder that was made for it and stayed empty.

    Args:
        deployment: The folder.
        wait: Wait for one that is at work there.
        waiting: Told whom is waited for.
        needed: Whether nothing may be done without the lock; else a folder in which nothing can be written is no reason
            to keep from what needs no writing there.

    Raises:
        ComposerError: Another is at work there and ``wait`` is false, or nothing can be written there.
    """
    made = [folder for folder in (deployment, *deployment.parents) if not folder.exists()]
    lock = deployment / _LOCK
    try:
        descriptor = _acquire(lock, wait, waiting)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            # Nobody can hold it.
            lock.unlink(missing_ok=True)
        _remove_empty(made)
        if not needed and error.errno in _NOT_WRITABLE:
            yield
            return
        raise _why_not_locked(error, deployment) from error
    try:
        yield
    finally:
        # While it is held: whoever waits for it sees that its name is gone, and takes a new one. Where nothing can be
        # written any more, the name stays of a lock that nobody holds.
        with contextlib.suppress(OSError):
            lock.unlink(missing_ok=True)
        os.close(descriptor)
        _remove_empty(made)


@contextlib.contextmanager
def lock_project(compose_project: str, wait: bool, waiting: Callable[[str], None]) -> Iterator[None]:
    """Keep every other composer of this user away from a Compose project.

    Labels tell whose containers are; but two folders that begin at once both see none, and one would take back the
    other's. The lock lies in a folder that only this user may enter: no job and no other account can hold it. Where
    there is no such folder, nobody is kept away.

    Args:
        compose_project: The project's name.
        wait: Wait for one that is at work on it.
        waiting: Told whom is waited for.

    Raises:
        ComposerError: Another is at work on it and ``wait`` is false.
    """
    folder = _folder_of_locks()
    if folder is None:
        yield
        return
    descriptor = os.open(folder / f"{compose_project}.lock", _OPEN, 0o600)
    try:
        _lock(descriptor, f"the project {compose_project}", wait, waiting)
        _say_who(descriptor)
        yield
    finally:
        # The file stays: whoever waits for it would else hold another one than who comes next.
        os.close(descriptor)


def _folder_of_locks() -> Path | None:
    """Return a folder that only this user may enter; None where none can be had."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    above = [Path("/run")] if os.geteuid() == 0 else [Path(runtime)] if runtime else []
    for place in (*above, Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())):
        folder = place / "flare-composer.locks"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = folder.lstat()
        except (OSError, RuntimeError):
            continue
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077:
            return folder
    return None


def _why_not_locked(error: OSError, deployment: Path) -> ComposerError:
    if error.errno in _NO_LOCKS:
        return ComposerError(
            f"nothing can be locked in {deployment}: {error.strerror}",
            "its file system has no locks (NFS without a lock service?): name a folder on another one with -C DIR",
        )
    return ComposerError(
        f"cannot write {error.filename or deployment}: {error.strerror}",
        "make room or give yourself the right to write there",
    )


def _acquire(lock: Path, wait: bool, waiting: Callable[[str], None]) -> int:
    while True:
        _make_folder(lock.parent)
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(lock, _OPEN, 0o600)
            try:
                # Whoever may read a file may hold its lock.
                with contextlib.suppress(PermissionError):
                    os.fchmod(descriptor, 0o600)
                _lock(descriptor, str(lock.parent), wait, waiting)
                if _is_still(lock, descriptor):
                    _say_who(descriptor)
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)


def _lock(descriptor: int, what: str, wait: bool, waiting: Callable[[str], None]) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        said = os.pread(descriptor, 4096, 0).decode("utf-8", "replace").strip()
        holder = clip(escape_line(said)) or "another composer"
        if not wait:
            raise ComposerError(f"{holder} is at work on {what}", _LATER) from None
        waiting(holder)
        _wait_for(descriptor)


def _wait_for(descriptor: int) -> None:
    """Try again and again: a signal that comes as the system begins to wait is acted on only when it has ended to."""
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_TICK)


def _is_still(lock: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(lock.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _say_who(descriptor: int) -> None:
    who = f"`{shlex.join(['composer', *sys.argv[1:]])}` (process {os.getpid()} on {platform.node()})"
    os.ftruncate(descriptor, 0)
    # A full disk must not keep anybody from `composer down`.
    with contextlib.suppress(OSError):
        os.pwrite(descriptor, who.encode("utf-8", "replace"), 0)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        if not folder.parent.is_dir():
            _make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            folder.chmod(0o755)
            return
        if not folder.is_dir():
            raise NotADirectoryError(20, "it is not a folder", str(folder))


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
