"""One composer at a time on a Compose project, whatever its folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from composer.deployment.locks import lock_deployment, lock_project
from composer.model.errors import ComposerError
from tests.conftest import Child, missing, run

PROJECT = f"turn{os.getpid()}"
HOLD = f"""
from composer.deployment.locks import lock_project
with lock_project({PROJECT!r}, False, print):
    print("mine", flush=True)
    input()
"""


@contextmanager
def another() -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-c", HOLD]
    with Child(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "mine\n"
        yield process
        process.kill()


def test_the_second_is_told_whom_it_would_meet() -> None:
    with another() as holder:
        with pytest.raises(ComposerError) as caught, lock_project(PROJECT, False, print):
            pass
        assert f"(process {holder.pid} on " in caught.value.message
        assert caught.value.message.endswith(f"is at work on the project {PROJECT}")
        assert "--wait" in caught.value.hint
        with lock_project(f"{PROJECT}-2", False, print):
            pass


def test_one_that_waits_goes_on_when_the_first_is_gone_even_by_kill_9() -> None:
    with another() as holder:
        heard: list[str] = []

        def told(who: str) -> None:
            heard.append(who)
            holder.kill()

        with lock_project(PROJECT, True, told):
            assert len(heard) == 1
            assert f"(process {holder.pid} on " in heard[0]
    with lock_project(PROJECT, False, print):
        pass


def test_no_stranger_can_hold_it() -> None:
    """Any account, and any container on the host's network, may bind a name in the abstract socket name space."""
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(f"\0flare-composer/{PROJECT}")
        held.listen(1)
        with lock_project(PROJECT, False, print):
            pass


def test_who_may_read_the_folder_cannot_hold_its_lock(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for leftover in (False, True):
        if leftover:
            (tmp_path / ".lock").touch(0o644)
            (tmp_path / ".lock").chmod(0o644)
        with lock_deployment(tmp_path, False, print):
            assert (tmp_path / ".lock").stat().st_mode & 0o777 == 0o600


def test_what_needs_no_lock_goes_on_where_none_can_be_written(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        missing("mounting a read-only file system needs root")
    with read_only(tmp_path / "folder") as folder:
        with pytest.raises(ComposerError, match="Read-only file system"), lock_deployment(folder, False, print):
            pass
        with lock_deployment(folder, False, print, needed=False):
            pass


def test_a_lock_whose_name_cannot_be_taken_away_ends_no_deed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed command has left it, and nothing can be written in the folder any more."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    for _ in range(2):
        with lock_deployment(tmp_path, False, print, needed=False):
            pass


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    assert run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder]).returncode == 0
    try:
        yield folder
    finally:
        assert run(["umount", folder]).returncode == 0
