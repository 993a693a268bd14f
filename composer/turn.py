"""One composer at a time on a deployment folder, and on a Compose project whatever the folder.

The kernel lets go of both locks whatever happens to their holder.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
import shlex
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from composer.errors import ComposerError
from composer.system.foreign_text import clip, escape_line

_LOCK = ".lock"
_LATER = "try again later, or add --wait"
_LOOK_AGAIN = 0.2
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


@contextlib.contextmanager
def my_project(compose_project: str, wait: bool, waiting: Callable[[str], None]) -> Iterator[None]:
    """Keep every other composer on this machine away from a Compose project.

    Labels tell whose containers are; but two folders that begin at once both see none, and one would take back the
    other's. The lock is a name in the kernel's abstract socket name space (unix(7)): all users share it, and no file
    of it can be left behind. Other systems have none, and so no such lock.

    Args:
        compose_project: The project's name.
        wait: Wait for one that is at work on it.
        waiting: Told whom is waited for.

    Raises:
        ComposerError: Another is at work on it and ``wait`` is false.
    """
    if platform.system() != "Linux":
        yield
        return
    name = f"\0flare-composer/{compose_project}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as lock:
        told = False
        while not _bound(lock, name):
            holder = _listener(name)
            if not wait:
                raise ComposerError(f"{holder} is at work on the project {compose_project}", _LATER)
            if not told:
                waiting(holder)
                told = True
            time.sleep(_LOOK_AGAIN)
        lock.listen()
        yield


def _bound(lock: socket.socket, name: str) -> bool:
    try:
        lock.bind(name)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise
    return True


def _listener(name: str) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        try:
            asking.settimeout(1)
            asking.connect(name)
            peer = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except OSError:
            return "another composer"
    return f"another composer (process {struct.unpack('3i', peer)[0]})"


def _why_no_turn(error: OSError, deployment: Path) -> ComposerError:
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
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
            try:
                # Whoever may read it may hold it.
                if os.fstat(descriptor).st_uid == os.geteuid():
                    os.fchmod(descriptor, 0o600)
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
        said = os.pread(descriptor, 4096, 0).decode("utf-8", "replace").strip()
        holder = clip(escape_line(said)) or "another composer"
        if not wait:
            raise ComposerError(f"{holder} is at work on {lock.parent}", _LATER) from None
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
