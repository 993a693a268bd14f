"""One composer at a time on a deployment folder: a lock that the kernel lets go whatever happens to its holder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from composer.errors import ComposerError

_LOCK = ".lock"
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@contextlib.contextmanager
def my_turn(deployment: Path, wait: bool, waiting: Callable[[str], None]) -> Iterator[None]:
    """Keep every other composer away from a deployment folder; it is made where it is missing.

    Nothing of the lock is left behind, nor of a folder that was made for it and stayed empty.

    Args:
        deployment: The folder.
        wait: Wait for one that is at work there.
        waiting: Told whom is waited for.

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
        raise _why_no_turn(error, deployment) from error
    try:
        yield
    finally:
        # While it is held: whoever waits for it sees that its name is gone, and takes a new one.
        lock.unlink(missing_ok=True)
        os.close(descriptor)
        _remove_empty(made)


def _why_no_turn(error: OSError, deployment: Path) -> ComposerError:
    if error.errno in _NO_LOCKS:
        return ComposerError(
            f"nothing can be locked in {deployment}: {error.strerror}",
            "its file system has no locks (NFS without a lock service?): name a folder on another one with -d DIR",
        )
    return ComposerError(
        f"cannot write {error.filename or deployment}: {error.strerror}",
        "make room or give yourself the right to write there",
    )


def _acquire(lock: Path, wait: bool, waiting: Callable[[str], None]) -> int:
    while True:
        _make_folder(lock.parent)
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
            try:
                _lock(descriptor, lock, wait, waiting)
                if _is_still(lock, descriptor):
                    _say_who(descriptor)
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)


def _lock(descriptor: int, lock: Path, wait: bool, waiting: Callable[[str], None]) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 4096, 0).decode("utf-8", "replace").strip() or "another composer"
        if not wait:
            raise ComposerError(
                f"{holder} is at work on {lock.parent}", "try again when it is done, or have it waited for: --wait"
            ) from None
        waiting(holder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)


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
