"""Times as Docker takes them: each form means the same moment to composer, whatever runs the participants."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from composer.model.errors import ComposerError
from composer.runtimes.engine_facts import parse_time
from composer.system.times import as_docker_takes_it, moment

NOW = datetime(2026, 11, 24, 10, 0, 0, tzinfo=timezone.utc)


@pytest.fixture
def two_hours_ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose zone is not UTC."""
    monkeypatch.setenv("TZ", "XYZ-2")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


TAKEN = {
    "10m": "09:50:00",
    "1.5h": "08:30:00",
    "1h30m": "08:30:00",
    "90s": "09:58:30",
    ".5h": "09:30:00",
    "1h1m1s": "08:58:59",
    "30m1h": "08:30:00",
    "1500ms": "09:59:58.500000",
    "2000000us": "09:59:58",
    "2000000µs": "09:59:58",
    "3000000000ns": "09:59:57",
    "-10m": "10:10:00",
    "0s": "10:00:00",
    "1795514400": "10:00:00",
    "1795514400.25": "10:00:00.250000",
    "2026-11-24T09:00:00Z": "09:00:00",
    "2026-11-24T09:00:00.123456789Z": "09:00:00.123456",
    "2026-11-24T09:00:00.5Z": "09:00:00.500000",
    "2026-11-24T09:00:00+02:00": "07:00:00",
    "2026-11-24T09:00:00-01:00": "10:00:00",
    "2026-11-24T09:00+02:00": "07:00:00",
    "2026-11-24T09Z": "09:00:00",
    "2026-11-24Z": "00:00:00",
    # Without a zone: this machine's own.
    "2026-11-24T09:00:00": "07:00:00",
    "2026-11-24T09:00:00.25": "07:00:00.250000",
    "2026-11-24T09:00": "07:00:00",
    "2026-11-24T09": "07:00:00",
    # As NVFLARE writes it in front of its lines.
    "2026-11-24 09:00:00,250": "07:00:00.250000",
    "2026-11-24 09:00:00": "07:00:00",
}
REFUSED = [
    "", "yesterday", "2d", "1w", "m", "1h30", "1 h", "h1", "10m\n", "1.2.3h", "9999999999999h", "2026-13-01",
    "2026-11-24T25:00:00Z", "2026-11-24T09:00.5Z", "2026-11-24T09:00:00+99:00", "-5", "1795514400.1234567890",
    "9" * 30, "9" * 5000, "٣m", "0001-01-01T00:00:00+23:00",
]  # fmt: skip


@pytest.mark.parametrize("since", TAKEN)
def test_what_docker_takes(since: str, two_hours_ahead: None) -> None:
    found = moment(since, NOW)
    assert (
        as_docker_takes_it(found)
        == f"2026-11-24T{TAKEN[since].ljust(15, '0') if '.' in TAKEN[since] else TAKEN[since] + '.000000'}Z"
    )


@pytest.mark.parametrize("since", REFUSED)
def test_what_docker_refuses(since: str) -> None:
    with pytest.raises(ComposerError, match="is no time") as caught:
        moment(since, NOW)
    assert "1h30m" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-24T09:00:00.123456789Z", "2026-11-24T09:00:00.123456+00:00"),
        ("2026-11-24T09:00:00Z", "2026-11-24T09:00:00+00:00"),
        # The engine's own clock is told in the zone of its machine.
        ("2026-11-24T09:00:00.5+02:00", "2026-11-24T07:00:00.500000+00:00"),
        ("2026-11-24T09:00:00+02:00", "2026-11-24T07:00:00+00:00"),
        ("2026-11-24T09:00:00-01:00", "2026-11-24T10:00:00+00:00"),
    ],
)
def test_times_of_engines_in_every_zone(text: str, utc: str) -> None:
    assert parse_time(text) == datetime.fromisoformat(utc)


@pytest.mark.parametrize("text", ["", "0001-01-01T00:00:00Z"])
def test_the_time_of_what_has_not_been(text: str) -> None:
    assert parse_time(text) is None
