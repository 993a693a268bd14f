"""What one command writes, read by several."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from composer.errors import CommandFailed
from composer.model import Command
from composer.process import pour

TEXT = "".join(f"line {number}\n" for number in range(300_000)).encode()


def shell(script: str, *arguments: Path) -> Command:
    return Command(("sh", "-c", script, "sh", *map(str, arguments)))


@pytest.fixture
def source(tmp_path: Path) -> Command:
    """Writes more than any pipe holds."""
    (tmp_path / "text").write_bytes(TEXT)
    return shell('cat "$1"', tmp_path / "text")


def test_all_get_the_same_packed(source: Command, tmp_path: Path) -> None:
    sent: list[int] = []
    files = [tmp_path / "a", tmp_path / "b"]
    assert pour(source, [shell('cat >"$1"', file) for file in files], sent.append) == (None, None)
    for file in files:
        assert gzip.decompress(file.read_bytes()) == TEXT
    assert sent[-1] <= files[0].stat().st_size < len(TEXT) / 2
    assert sent == sorted(sent)


def test_one_that_ends_early_is_named_and_the_others_read_on(source: Command, tmp_path: Path) -> None:
    ends = pour(source, [shell("echo no room >&2; exit 4"), shell('cat >"$1"', tmp_path / "b")], lambda _: None)
    assert ends[0] is not None
    assert (ends[0].returncode, ends[0].last_line) == (4, "no room")
    assert ends[1] is None
    assert gzip.decompress((tmp_path / "b").read_bytes()) == TEXT


def test_none_waits_for_another_to_end(source: Command, tmp_path: Path) -> None:
    # Each ends when the other, too, has read all.
    meet = 'cat >/dev/null; : >"$1"; for i in $(seq 100); do [ -e "$2" ] && exit 0; sleep 0.1; done; exit 1'
    a, b = tmp_path / "a", tmp_path / "b"
    assert pour(source, [shell(meet, a, b), shell(meet, b, a)], lambda _: None) == (None, None)


def test_a_source_that_fails_is_an_error() -> None:
    with pytest.raises(CommandFailed, match="nothing there"):
        pour(shell("echo nothing there >&2; exit 1"), [shell("cat >/dev/null")], lambda _: None)
