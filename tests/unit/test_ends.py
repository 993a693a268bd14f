"""How the command itself ends, whatever becomes of what it prints."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import COMPOSER, composer, run


@pytest.mark.parametrize("command", [["--help"], ["schema"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_told_in_one_line(command: list[str], unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            ["env", f"PYTHONUNBUFFERED={unbuffered}", *COMPOSER, *command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == (
        "error: the output cannot be written: No space left on device\n hint: make room where it goes\n"
    )


def test_who_closes_the_output_hears_nothing() -> None:
    ended = run(["sh", "-c", '"$@" >&-', "sh", *COMPOSER, "--version"])
    assert (ended.returncode, ended.out, ended.err) == (0, "", "")


def test_all_of_a_long_output_arrives() -> None:
    ended = composer("schema")
    assert (ended.returncode, ended.out[-2:]) == (0, "}\n")


def test_the_status_of_a_command_is_that_of_the_process(tmp_path: Path) -> None:
    assert composer("status", "-C", tmp_path).returncode == 1
    assert composer("nonsense").returncode == 2
    assert composer("--version").returncode == 0
