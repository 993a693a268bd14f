"""One composer at a time on a Compose project, whatever its folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from composer.errors import ComposerError
from composer.turn import my_project

PROJECT = f"turn{os.getpid()}"
HOLD = f"""
from composer.turn import my_project
with my_project({PROJECT!r}, False, print):
    print("mine", flush=True)
    input()
"""


@contextmanager
def another() -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-c", HOLD]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "mine\n"
        yield process
        process.kill()


def test_the_second_is_told_whom_it_would_meet() -> None:
    with another() as holder:
        with pytest.raises(ComposerError) as caught, my_project(PROJECT, False, print):
            pass
        assert caught.value.message == f"another composer (process {holder.pid}) is at work on the project {PROJECT}"
        assert "--wait" in caught.value.hint
        with my_project(f"{PROJECT}-2", False, print):
            pass


def test_one_that_waits_goes_on_when_the_first_is_gone_even_by_kill_9() -> None:
    with another() as holder:
        heard: list[str] = []

        def told(who: str) -> None:
            heard.append(who)
            holder.kill()

        with my_project(PROJECT, True, told):
            assert heard == [f"another composer (process {holder.pid})"]
    with my_project(PROJECT, False, print):
        pass
