"""The logs.sh of a bundle and of ``runtime: process``: whose line, since when, and without bearer tokens."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from composer.errors import ComposerError
from composer.redact import redact
from composer.render.metal import render_metal
from composer.runtimes.process import as_lines_begin
from tests.conftest import run
from tests.golden.cases import two_sites
from tests.unit.test_redact import WITH_TOKENS, WITHOUT

NOW = datetime(2026, 11, 24, 10, 0, 0, tzinfo=timezone.utc)
DATED = [
    "2026-11-24 09:59:59,999 - Cell - INFO - early",
    "Traceback of the early one",
    "2026-11-24 10:00:00,000 - Cell - INFO - late",
    "  2025-01-01 00:00:00 is what its second line says",
]


def logs(folder: Path, lines: list[str], *arguments: str) -> list[str]:
    """What logs.sh prints of a site that wrote ``lines``, the last of them not yet ended."""
    site = next(participant for participant in two_sites().participants if participant.name == "site-1")
    for file in render_metal([site]):
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    workspace = folder / "workspaces" / "site-1"
    workspace.mkdir(parents=True)
    (workspace / "console.log").write_text("\n".join(lines))
    ended = run(["bash", folder / "logs.sh", *arguments], cwd=folder)
    assert ended.returncode == 0, ended.err
    return ended.out.splitlines()


def test_tokens_are_taken_out_as_composer_does(tmp_path: Path) -> None:
    lines = [*WITH_TOKENS, *WITHOUT]
    assert logs(tmp_path, lines) == [f"site-1 | {redact(line)}" for line in lines]


def test_the_last_lines(tmp_path: Path) -> None:
    assert logs(tmp_path, WITHOUT, "-n", "1", "site-1") == [f"site-1 | {WITHOUT[-1]}"]


def test_since(tmp_path: Path) -> None:
    assert logs(tmp_path, DATED, "--since", "2026-11-24 10:00:00") == [f"site-1 | {line}" for line in DATED[2:]]


@pytest.mark.parametrize(
    ("since", "begin"),
    [
        ("10m", "2026-11-24 09:50:00"),
        ("1h30m", "2026-11-24 08:30:00"),
        ("90s", "2026-11-24 09:58:30"),
        ("2026-11-24T09:00:00Z", "2026-11-24 09:00:00"),
        ("2026-11-24T09:00:00+02:00", "2026-11-24 07:00:00"),
    ],
)
def test_times_are_those_of_the_lines(since: str, begin: str) -> None:
    local = datetime.strptime(begin, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc).astimezone()
    assert as_lines_begin(since, NOW) == local.strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize("since", ["yesterday", "10", "m", "10m\n", "9999999999999h", "2026-13-01"])
def test_what_is_no_time_is_refused(since: str) -> None:
    with pytest.raises(ComposerError, match="is no time"):
        as_lines_begin(since, NOW)
