"""No bearer token leaves through composer or a bundle's scripts, and no cursor is moved in a pipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.redact import plain, redact
from composer.render.metal import render_metal
from composer.runtimes.docker import by_participant
from tests.conftest import run
from tests.golden.cases import two_sites

UUID = "0b4d9e0a-0b3e-4c39-8b1a-0c8c5b8f6f3c"
WITH_TOKENS = [
    f"ClientManager - INFO - Client: New client site-1@10.0.0.2 joined. Sent token: {UUID}.  Total clients: 1",
    f"Communicator - INFO - Successfully registered client:site-1 for project p. Token:{UUID} SSID:ebc6125d-0a56",
    f"Re-activate the client:site-1 with token {UUID}",
    f"{{'token': '{UUID}', 'ssid': '{UUID}'}}",
]
WITHOUT = [
    f"job {UUID} is submitted",
    f"my_token {UUID} and mytoken: {UUID}",
    "Client: New client site-1@10.0.0.2 joined. Sent token.  Total clients: 1",
    "  * $(touch owned) \\n %s 'token' [a-z]",
]


@pytest.mark.parametrize("line", WITH_TOKENS)
def test_tokens_are_taken_out(line: str) -> None:
    said = redact(line)
    assert UUID not in said
    assert "ebc6125d" not in said
    assert "<redacted>" in said


@pytest.mark.parametrize("line", WITHOUT)
def test_what_is_no_token_stays(line: str) -> None:
    assert redact(line) == line


def test_a_bundles_own_logs_take_out_the_same(tmp_path: Path) -> None:
    site = next(participant for participant in two_sites().participants if participant.name == "site-1")
    for file in render_metal([site]):
        path = tmp_path / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    workspace = tmp_path / "workspaces" / "site-1"
    workspace.mkdir(parents=True)
    lines = [*WITH_TOKENS, *WITHOUT]
    (workspace / "console.log").write_text("\n".join(lines))
    ended = run(["bash", tmp_path / "logs.sh"], cwd=tmp_path)
    assert ended.returncode == 0, ended.err
    assert ended.out.splitlines() == [f"site-1 | {redact(line)}" for line in lines]
    ended = run(["bash", tmp_path / "logs.sh", "-n", "1"], cwd=tmp_path)
    assert ended.out.splitlines() == [f"site-1 | {WITHOUT[-1]}"]


def test_colours_go_unless_they_are_wanted() -> None:
    assert plain("\x1b[2K\x1b[32msite-1-1  | \x1b[0mx\r") == "site-1-1  | x"
    assert plain("\x1b[2K\x1b[32msite-1-1  | \x1b[0mx", colour=True) == "\x1b[32msite-1-1  | \x1b[0mx"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("site-1-1   | a-1 | b", "site-1   | a-1 | b"),
        ("\x1b[36msite-10-1  | \x1b[0mx", "\x1b[36msite-10  | \x1b[0mx"),
        ("no prefix-1 here", "no prefix-1 here"),
    ],
)
def test_lines_carry_the_participant_and_not_the_container(line: str, shown: str) -> None:
    assert by_participant(line) == shown
