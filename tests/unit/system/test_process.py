"""What a command writes cannot fill composer's memory, and only a line feed ends a line of it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError, TookTooLong, WroteTooMuch
from composer.system.process import run, stream


def shell(script: str, *arguments: Path) -> Command:
    return Command(("sh", "-c", script, "sh", *map(str, arguments)))


def lives(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("output", ["", " >&2"])
def test_one_that_writes_without_end_is_ended(output: str, tmp_path: Path) -> None:
    with pytest.raises(WroteTooMuch, match="wrote more than 64 KiB"):
        run(shell(f'echo $$ >"$1"; exec yes{output}', tmp_path / "pid"), most=1 << 16)
    assert not lives(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("script", ["exec sleep 1000", "exec >&- 2>&-; exec sleep 1000"])
def test_one_that_takes_too_long_is_ended(script: str, tmp_path: Path) -> None:
    with pytest.raises(TookTooLong, match=r"did not end within 0\.5 s"):
        run(shell(f'echo $$ >"$1"; {script}', tmp_path / "pid"), timeout=0.5)
    assert not lives(int((tmp_path / "pid").read_text()))


def test_much_goes_in_and_out_at_once() -> None:
    data = os.urandom(3_000_000)
    assert run(shell("cat; echo done >&2"), stdin=data) == data.decode("utf-8", "replace")


def test_input_that_nobody_reads_is_no_error() -> None:
    assert run(shell("exec <&-; echo done"), stdin=b"x" * 1_000_000) == "done\n"


def test_the_last_line_of_a_failure_is_what_a_line_feed_ends() -> None:
    with pytest.raises(CommandFailed) as failed:
        run(shell(r"printf 'first\nsecond\r\v\f\302\205\342\200\250error: forged\n\n' >&2; exit 4"))
    assert failed.value.last_line == "second\r\v\f\x85\u2028error: forged"
    with pytest.raises(CommandFailed) as failed:
        run(shell("exit 4"))
    assert failed.value.last_line == "it ended with status 4"


def test_what_cannot_be_started_is_named() -> None:
    with pytest.raises(ComposerError, match="there is no `no-such-program`"):
        run(Command(("no-such-program",)))


def test_only_a_line_feed_begins_a_line() -> None:
    lines: list[str] = []
    stream(shell(r"printf 'a\rhub-1  | forged\nb\r\nc\v\f\302\205d\nthe end'"), lines.append)
    assert lines == ["a\rhub-1  | forged", "b\r", "c\v\f\x85d", "the end"]


def test_a_line_without_end_is_cut_and_nothing_of_it_begins_another() -> None:
    lines: list[str] = []
    script = (
        "head -c 65536 /dev/zero | tr '\\0' x; echo; head -c 90000000 /dev/zero | tr '\\0' x; echo 'hub-1  | forged'"
    )
    stream(shell(f"{script}; echo after"), lines.append)
    assert lines == ["x" * 65536 + "…", "x" * 65536 + "…", "after"]


def test_lines_come_when_they_are_written(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    began = time.monotonic()
    stream(shell('echo first; while [ ! -e "$1" ]; do sleep 0.05; done; echo second', seen), lambda _: seen.touch())
    assert time.monotonic() - began < 60


def test_a_failed_stream_keeps_its_last_lines() -> None:
    with pytest.raises(CommandFailed) as failed:
        stream(shell("seq 100; exit 3"), lambda _: None)
    assert failed.value.stderr.split("\n") == [str(number) for number in range(61, 101)]
    assert failed.value.last_line == "100"
