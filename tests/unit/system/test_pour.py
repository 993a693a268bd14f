"""What one command writes, read by several."""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from composer.model.command import Command
from composer.model.errors import CommandFailed
from composer.system import pour as pouring
from composer.system.pour import pour

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


def ends(work: Callable[[], object]) -> bool:
    """Whether it comes to its end, an error or not, instead of hanging."""

    def quietly() -> None:
        with contextlib.suppress(Exception):
            work()

    thread = threading.Thread(target=quietly, daemon=True)
    thread.start()
    thread.join(60)
    return not thread.is_alive()


def test_it_ends_when_what_it_tells_cannot_be_told(source: Command) -> None:
    """As when the pipe behind `composer up | head` is closed."""

    def told(_: int) -> None:
        raise BrokenPipeError

    raised: list[BaseException] = []

    def work() -> None:
        try:
            pour(source, [shell("cat >/dev/null"), shell("exec sleep 1000")], told)
        except BaseException as error:
            raised.append(error)

    assert ends(work)
    assert isinstance(raised[0], BrokenPipeError)


def test_one_that_takes_nothing_is_given_up_and_the_others_read_on(
    source: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pouring, "_STALLED", 0.5)
    noise = shell("head -c 60000000 /dev/urandom")
    got: list[tuple[CommandFailed | None, ...]] = []
    sinks = [shell("exec sleep 1000"), shell('gzip -d | wc -c >"$1"', tmp_path / "b")]
    assert ends(lambda: got.append(pour(noise, sinks, lambda _: None)))
    stalled, other = got[0]
    assert stalled is not None
    assert stalled.last_line.startswith("it took nothing for")
    assert other is None
    assert int((tmp_path / "b").read_text()) == 60_000_000


def test_one_that_has_all_and_does_not_end_is_given_up(source: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pouring, "_LOADING", 0.5)
    got: list[tuple[CommandFailed | None, ...]] = []
    assert ends(lambda: got.append(pour(source, [shell("cat >/dev/null; exec sleep 1000")], lambda _: None)))
    assert got[0][0] is not None


def test_of_endless_words_the_last_are_kept(source: Command) -> None:
    babble = "cat >/dev/null; yes evil | head -c 30000000 >&2; yes | head -c 30000000; echo end >&2; exit 3"
    ((failed,)) = pour(source, [shell(babble)], lambda _: None)
    assert failed is not None
    assert failed.last_line == "end"
    assert len(failed.stderr) <= 1 << 16
