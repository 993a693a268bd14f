"""How the command itself ends, whatever becomes of what it prints."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import COMPOSER, Child, composer, run


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


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-", "2>/dev/full", ">&-"])
def test_a_deed_is_done_though_nobody_can_hear_of_it(closed: str, prod_00: Path, tmp_path: Path) -> None:
    ended = run(["sh", "-c", f'"$@" {closed}', "sh", *COMPOSER, "generate", prod_00, "-C", tmp_path / "deployment"])
    assert (ended.returncode, "Traceback" in ended.err) == (0, False)
    assert (tmp_path / "deployment" / "manifest.json").is_file()
    # No file that composer has opened has become anybody's standard error.
    assert all(b"error" not in path.read_bytes() for path in (tmp_path / "deployment").glob("*.json"))


def test_a_reader_that_goes_away_keeps_from_nothing(prod_00: Path, tmp_path: Path) -> None:
    script = '{ "$@" 2>&1; echo "status $?" >&9; } 9>"$0" | true'
    run(["bash", "-c", script, tmp_path / "status", *COMPOSER, "generate", prod_00, "-C", tmp_path / "deployment"])
    assert (tmp_path / "status").read_text() == "status 0\n"
    assert (tmp_path / "deployment" / "manifest.json").is_file()


@pytest.mark.parametrize("milliseconds", [0, 10, 30, 60])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_once_shows_no_traceback(number: signal.Signals, milliseconds: int, tmp_path: Path) -> None:
    with Child([*COMPOSER, "check", tmp_path], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        wait_for_composer(process)
        time.sleep(milliseconds / 1000)
        process.send_signal(number)
        said = process.communicate(timeout=30)[1]
    assert "Traceback" not in said
    assert process.returncode in (1, -number, 128 + number)


def wait_for_composer(process: subprocess.Popen[str]) -> None:
    """Wait until it is composer's own code that runs: what Python itself does with Ctrl-C at its start is Python's."""
    was_pythons = False
    while process.poll() is None:
        caught = int(re.search(r"SigCgt:\s+([0-9a-f]+)", Path("/proc", str(process.pid), "status").read_text())[1], 16)  # type: ignore[index]
        pythons, ours = bool(caught & 1 << signal.SIGINT - 1), bool(caught & 1 << signal.SIGTERM - 1)
        if ours or (was_pythons and not pythons):
            return
        was_pythons = pythons
