"""``status --watch`` goes on when a look fails: an engine that restarts is back in a moment."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

import pytest

from composer.cli.screen import output
from composer.model.errors import ComposerError
from composer.model.status import FederationStatus, ParticipantStatus
from composer.system.signals import Signalled

AWAY = ComposerError("no Docker engine answers\x1b[2J [red]there[/red]", "start Docker")


def _seen(name: str, registered: bool = True) -> FederationStatus:
    now = datetime.now(timezone.utc)
    row = ParticipantStatus(name, "client", "local", "running", "healthy", registered, now, 99, "image")
    return FederationStatus("study", (row,))


def _looks(monkeypatch: pytest.MonkeyPatch, *looks: FederationStatus | ComposerError) -> Callable[[], FederationStatus]:
    """Return looks of which each sees the next; after the last one comes Ctrl-C."""
    left = iter(looks)
    rests = iter(range(len(looks) - 1))

    def look() -> FederationStatus:
        seen = next(left)
        if isinstance(seen, ComposerError):
            raise seen
        return seen

    def rest(seconds: float) -> None:
        assert seconds > 0
        if next(rests, None) is None:
            raise Signalled(signal.SIGINT)

    monkeypatch.setattr(time, "sleep", rest)
    return look


@pytest.mark.parametrize(
    ("looks", "well"),
    [
        ([_seen("a"), AWAY, _seen("b")], True),
        ([_seen("a"), AWAY, AWAY, _seen("b", registered=False)], False),
        ([_seen("a"), AWAY], False),
    ],
)
def test_a_failed_look_is_told_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    looks: Sequence[FederationStatus | ComposerError],
    well: bool,
) -> None:
    assert output.watch_status(_looks(monkeypatch, *looks)) is well
    said = capsys.readouterr()
    assert said.err.count("error: no Docker engine answers") == sum(isinstance(one, ComposerError) for one in looks)
    assert "trying again" in said.err
    assert "\x1b" not in said.err
    assert "[red]there[/red]" in said.err
    assert said.out.count("NAME") == sum(isinstance(one, FederationStatus) for one in looks)


def test_programs_read_nothing_but_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    output.watch_status(_looks(monkeypatch, _seen("a"), AWAY, _seen("b")), as_json=True)
    said = capsys.readouterr()
    documents = said.out.replace("}\n{", "}\0{").split("\0")
    assert [json.loads(text)["participants"][0]["name"] for text in documents] == ["a", "b"]
    assert "error: no Docker engine answers" in said.err


def test_a_terminal_has_the_error_below_what_was_seen_last(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    assert output.watch_status(_looks(monkeypatch, _seen("site-1"), AWAY)) is False
    said = capsys.readouterr().out
    table, _, error = said.rpartition("error: no Docker engine answers")
    assert "site-1" in table
    assert "trying again" in error
    assert "\x1b[2J" not in said


def test_a_first_look_that_fails_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ComposerError, match="no Docker engine answers"):
        output.watch_status(_looks(monkeypatch, AWAY))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_ends_it_is_told_by_its_status(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only Ctrl-C is how one ends it."""

    def end(_: float) -> None:
        raise Signalled(number)

    monkeypatch.setattr(time, "sleep", end)
    with pytest.raises(Signalled) as caught:
        output.watch_status(lambda: _seen("a"))
    assert caught.value.exit_code == 128 + number
