"""What others wrote does nothing to the operator's terminal, whichever way it gets there."""

from __future__ import annotations

import fcntl
import json
import re
from datetime import datetime, timezone
from pathlib import Path

import pytest

from composer.cli.screen.output import print_findings, print_lines, print_table
from composer.cli.screen.terminal import Terminal
from composer.model.errors import ComposerError
from composer.model.finding import Finding
from composer.model.status import FederationStatus, ParticipantStatus
from tests import kitmaker
from tests.conftest import COMPOSER, ROOT, composer
from tests.console import converse

HOSTILE = (
    "a\x1b]52;c;ZXZpbA==\x07\x1b]0;PWNED\x07\x1b[2J\x1b[1;1H\x9b2J\x1bM\x1bc\x08\x7f\u202eb"
    "\rerror: forged\v hint: forged\x85forged\u2028forged [red]c[/red][/x]"
)
# What rich and composer write themselves: colours, the cursor's place for the line that is drawn again.
OWN = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[lh]|2K|1A|[0-9]*G)|\r|\n")


def allowed(text: str) -> bool:
    return all(char.isprintable() or char == "\t" for char in text)


def participant(detail: str) -> ParticipantStatus:
    now = datetime.now(timezone.utc)
    return ParticipantStatus("site-1", "client", "local", "exited", "none", False, now, 9, "image", detail=detail)


@pytest.mark.parametrize("verbosity", [0, 1])
def test_all_that_the_terminal_is_told_is_harmless(verbosity: int, capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal(verbosity) as terminal:
        terminal.step(HOSTILE)
        terminal.command(HOSTILE)
        terminal.output(HOSTILE)
        terminal.progress(FederationStatus("f", (participant(HOSTILE),)))
        terminal.warn(HOSTILE)
        terminal.done(HOSTILE)
        terminal.error(ComposerError(HOSTILE, HOSTILE, HOSTILE))
    print_findings([Finding("ID", "error", HOSTILE, HOSTILE, HOSTILE)])
    print_table(("NAME",), [("", [HOSTILE])])
    print_lines(HOSTILE)
    said = capsys.readouterr()
    for line in (said.out + said.err).split("\n"):
        assert allowed(line), line
        assert not line.startswith(("forged", "error: forged", " hint: forged")), line
    assert said.err.count("\n") == (9 if verbosity else 7)
    assert "[red]c[/red][/x]" in said.err
    assert "[red]c[/red][/x]" in said.out


def test_no_spinner_reads_markup() -> None:
    """``Spinner`` is the one thing of rich that reads markup in a text without being asked to."""
    calls = [
        (path.name, found[0])
        for path in (ROOT / "composer").rglob("*.py")
        for found in re.finditer(r"Spinner\((?!\w+, text=Text\()[^)\n]*", path.read_text().replace('"dots"', "dots"))
    ]
    assert calls == []


@pytest.mark.parametrize("name", ["[/x]", "[link=http://evil.example]good[/link]", "x\x1b]0;PWNED\x07\u202e"])
def test_down_of_a_project_whose_name_is_markup(name: str, tmp_path: Path) -> None:
    """As it was generated before such names were refused."""
    kits = kitmaker.provision(tmp_path, kitmaker.Project("2.9")).prod
    (tmp_path / "composer.yml").write_text("runtime: process\n")
    deployment = tmp_path / "deployment"
    ended = composer("generate", kits, "-C", deployment, "-f", tmp_path / "composer.yml")
    assert ended.returncode == 0, ended.err
    manifest = deployment / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "federation": name}))
    (deployment / "stop.sh").write_text("touch stopped; echo stopped; sleep 0.3")
    said = converse([*COMPOSER, "down", "-C", str(deployment)], [], cwd=tmp_path)
    assert "Traceback" not in said
    assert (tmp_path / "stopped").exists()
    assert "Stopping" in said
    assert allowed(OWN.sub("", said)), said
    if "\x1b" not in name:
        assert f"Stopping {name}" in OWN.sub("", said)


KEYS = r"""
"\e]52;c;ZXZpbA==\a\e[2J\u202e\x9b2J": 1
"x\nerror: forged\n hint: forged\u2028forged": 2
image: {"\e]0;PWNED\a": 1, nvflare: "\e]0;PWNED\a", "\rb": 1, "\rb": 2}
"""


@pytest.mark.parametrize(
    "text", [KEYS, KEYS.replace('"\\rb": 2', '"c": 2'), "a: !!\u202e\n", '"\\xZZ": 1\n', "a: \x07\n"]
)
def test_a_definition_of_somebody_else_is_shown_as_text(text: str, tmp_path: Path) -> None:
    (tmp_path / "composer.yml").write_text(text)
    kits = kitmaker.provision(tmp_path, kitmaker.Project("2.9")).prod
    ended = composer("generate", kits, "-C", tmp_path / "deployment", "-f", tmp_path / "composer.yml")
    assert ended.returncode == 1
    for line in ended.err.split("\n"):
        assert allowed(line), line
        assert not line.strip().startswith(("error: forged", "hint: forged", "forged"))
    assert len(re.findall(r"(?m)^ hint: ", ended.err)) == 1


def test_the_text_of_a_lock_is_shown_as_text(tmp_path: Path) -> None:
    kits = kitmaker.provision(tmp_path, kitmaker.Project("2.9")).prod
    deployment = tmp_path / "deployment"
    assert composer("generate", kits, "-C", deployment).returncode == 0
    lock = deployment / ".lock"
    lock.write_text(f"{HOSTILE}\nerror: forged\n hint: forged\n[/x]")
    lock.chmod(0o600)
    with lock.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ended = composer("generate", kits, "-C", deployment)
        assert ended.returncode == 1
        assert "is at work on" in ended.err
        for line in ended.err.split("\n"):
            assert allowed(line), line
            assert not line.strip().startswith(("error: forged", "hint: forged", "forged"))
