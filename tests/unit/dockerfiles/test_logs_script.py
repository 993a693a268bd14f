"""The logs.sh of a bundle and of ``runtime: process``: whose line, since when, harmless, and without bearer tokens."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from composer.render.metal import render_metal
from composer.system.redact import redact
from tests import kitmaker
from tests.conftest import COMPOSER, Child, composer, run
from tests.console import converse
from tests.golden.cases import two_sites
from tests.unit.cli.test_terminal import allowed
from tests.unit.system.test_redact import WITH_TOKENS, WITHOUT

DATED = [
    "2026-11-24 09:59:59,999 - Cell - INFO - early",
    "Traceback of the early one",
    "2026-11-24 10:00:00,000 - Cell - INFO - late",
    "  2025-01-01 00:00:00 is what its second line says",
]


def site(folder: Path, lines: list[str]) -> Path:
    """The scripts and the workspace of a site that wrote ``lines``, the last of them not yet ended."""
    site = next(participant for participant in two_sites().participants if participant.name == "site-1")
    for file in render_metal([site]):
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    workspace = folder / "workspaces" / "site-1"
    workspace.mkdir(parents=True)
    (workspace / "console.log").write_bytes("\n".join(lines).encode())
    return workspace


def logs(folder: Path, lines: list[str], *arguments: str, **environment: str) -> list[str]:
    """What logs.sh prints of that site."""
    site(folder, lines)
    ended = run(["bash", folder / "logs.sh", *arguments], cwd=folder, env=environment)
    assert ended.returncode == 0, ended.err
    return ended.out.split("\n")[:-1]


def test_tokens_are_taken_out_as_composer_does(tmp_path: Path) -> None:
    lines = [*WITH_TOKENS, *WITHOUT]
    assert logs(tmp_path, lines) == [f"site-1 | {redact(line)}" for line in lines]


def test_the_last_lines(tmp_path: Path) -> None:
    assert logs(tmp_path, WITHOUT, "-n", "1", "site-1") == [f"site-1 | {WITHOUT[-1]}"]


def test_since(tmp_path: Path) -> None:
    assert logs(tmp_path, DATED, "--since", "2026-11-24 10:00:00") == [f"site-1 | {line}" for line in DATED[2:]]


def test_a_moment_is_one_of_the_lines_own_zone(tmp_path: Path) -> None:
    """composer may be on another machine, whose clock stands in another zone."""
    moment = datetime(2026, 11, 24, 10, 0, 0, tzinfo=timezone(timedelta(hours=2)))
    since = f"@{moment.timestamp():.0f}"
    assert logs(tmp_path, DATED, "--since", since, TZ="<+02>-2") == [f"site-1 | {line}" for line in DATED[2:]]
    assert logs(tmp_path / "utc", DATED, "--since", since, TZ="UTC") == [f"site-1 | {line}" for line in DATED]


HOSTILE = (
    "a\x1b]52;c;ZXZpbA==\x07\x1b]0;PWNED\x1b\\\x1b[2J\x1b[1;1H\x9b2J\x1bMb\rhub | forged\vc\fd\x85e\u2028f"
    "\u202eg\u2066h\u200fi\u061cj\x00\x08\x7f\x1b[31mred\x1b[>ck"
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("colour", [False, True])
def test_what_a_job_writes_does_nothing_to_a_terminal(colour: bool, tmp_path: Path) -> None:
    lines = logs(tmp_path, [HOSTILE, HOSTILE], **({"LOGS_IN_COLOUR": "yes"} if colour else {}))
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("site-1 | a")
        assert "hub | forged" in line
        assert allowed(COLOUR.sub("", line) if colour else line), line
        assert (COLOUR.findall(line) == ["\x1b[31m", "\x1b[m"]) is colour


def test_what_is_left_out_brings_nothing_else_about(tmp_path: Path) -> None:
    """Bytes on either side of what is taken out must not become a control character together."""
    workspace = site(tmp_path, [])
    joined = b"\xc2\x1b[0m\x9b2J \xc2\x08\x9b2J \xc2\xc2\x9b\x9b2J \xe2\x80\xe2\x80\xae\xae \x1b\x1b[0m[2J \x1b\x00[2J"
    (workspace / "console.log").write_bytes(joined + b"\n")
    shown = subprocess.run(["bash", tmp_path / "logs.sh"], stdout=subprocess.PIPE, check=True).stdout
    assert allowed(shown.decode(errors="replace").removesuffix("\n")), shown


def test_a_followed_line_comes_at_once(tmp_path: Path) -> None:
    workspace = site(tmp_path, ["first", ""])
    with Child(
        ["bash", tmp_path / "logs.sh", "-f"], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as following:
        try:
            assert following.stdout is not None
            assert following.stdout.readline() == "site-1 | first\n"
            with (workspace / "console.log").open("a") as log:
                log.write("second\x1b[2J\n")
            assert following.stdout.readline() == "site-1 | second\n"
        finally:
            os.killpg(following.pid, signal.SIGTERM)


def test_status_shows_a_time_or_nothing(tmp_path: Path) -> None:
    workspace = site(tmp_path, [])
    shown = {}
    for said in ("stopped 2026-11-24T10:00:00Z", "stopped \x1b]0;PWNED\x07\x9b2J\u202e"):
        (workspace / "composer.state").write_text(said)
        ended = run(["bash", tmp_path / "status.sh"], cwd=tmp_path)
        assert ended.returncode == 3, ended.err
        shown[said] = ended.out.split("\n")[1]
        assert allowed(shown[said])
    # What has not the form in which the entrypoint writes says nothing.
    assert [line.split()[2:] for line in shown.values()] == [
        ["stopped", "no", "2026-11-24T10:00:00Z"],
        ["absent", "no"],
    ]


def test_composer_logs_shows_it_as_text_in_a_pipe_and_on_a_terminal(tmp_path: Path) -> None:
    kits = kitmaker.provision(tmp_path, kitmaker.Project("2.9")).prod
    (tmp_path / "composer.yml").write_text("runtime: process\n")
    deployment = tmp_path / "deployment"
    ended = composer("generate", kits, "-C", deployment, "-f", tmp_path / "composer.yml")
    assert ended.returncode == 0, ended.err
    workspace = deployment / "workspaces" / "site-1"
    workspace.mkdir(parents=True, exist_ok=True)
    (workspace / "console.log").write_text(f"{HOSTILE}\n")
    piped = composer("logs", "-C", deployment, "site-1").out.split("\n")
    on_terminal = converse([*COMPOSER, "logs", "-C", str(deployment), "site-1"]).replace("\r\n", "\n").split("\n")
    for lines in (piped, [COLOUR.sub("", line) for line in on_terminal]):
        assert lines[1:] == [""]
        assert lines[0].startswith("site-1 | a")
        assert "b hub | forged c d" in lines[0]
        assert allowed(lines[0]), lines[0]
    assert "\x1b[31mred" in on_terminal[0]
