"""Job code writes what it likes: it stays under its participant's name, and does nothing to a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.conftest import COMPOSER, Deployment, Ended, docker, eventually
from tests.console import converse

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

# Clipboard, title, a link whose text lies, reset, a line up, C1, DCS, marks of direction, other ends of lines; and what
# would be a line of the server's, or of composer's own.
HOSTILE = (
    "BEGIN\x1b]52;c;ZXZpbA==\x07\x1b]0;PWNED\x1b\\\x1b]8;;http://evil.example\x1b\\ok\x1b]8;;\x1b\\\x1bc\x1bM\x1bE\x9b2J\x1bP1$r\x1b\\"
    "\x1b[!p\x1b[>c\x08\x0b\x7f\u202egnp\u2066\u200f\x1b[31mred\rserver1-1  | FORGED\x0bFORGED\x0c hint: FORGED"
    "\x85error: FORGED\u2028FORGED\u2029FORGED [red]x[/red][/x]\x00\x1b[2J END"
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# What rich writes to draw again, and the terminal's own line ends.
DRAWING = re.compile(r"\x1b\[(?:\?25[lh]|2K|1A|[0-9]*G)|\r")


def lines_of(said: str, terminal: bool = False) -> list[str]:
    """The lines that were shown, none of which holds anything but printable characters."""
    shown = COLOUR.sub("", DRAWING.sub("", said)) if terminal else said
    lines = shown.split("\n")
    for line in lines:
        assert all(char.isprintable() or char == "\t" for char in line), line
    return lines


def on_a_terminal(federation: Deployment, *arguments: str, columns: str = "500") -> str:
    argv = [*COMPOSER, arguments[0], "-C", str(federation.folder), *arguments[1:]]
    return converse(["env", f"COLUMNS={columns}", *argv])


@pytest.fixture(scope="module")
def written(federation: Deployment) -> Deployment:
    """A site's job has written it, with a line before and one behind."""
    script = "import sys; open('/proc/1/fd/1', 'w').write(sys.argv[1])"
    text = "before\n" + HOSTILE.replace("\x00", "") + "\nbehind\n"
    docker("exec", federation.container("site-2"), "python3", "-c", script, text)
    eventually(lambda: "behind" in docker("logs", "--tail", "5", federation.container("site-2")))
    return federation


def test_a_line_stays_under_the_name_of_who_wrote_it(written: Deployment) -> None:
    ended = written.run("logs")
    assert ended.returncode == 0, ended.err
    told = [line for line in lines_of(ended.out) if "FORGED" in line]
    assert len(told) == 1
    assert re.match(r"site-2 +\| BEGIN", told[0])
    assert told[0].endswith("[red]x[/red][/x] END")
    assert "red server1-1  | FORGED" in told[0]


def test_on_a_terminal_only_colours_are_left(written: Deployment) -> None:
    said = on_a_terminal(written, "logs", "-n", "20", "site-2")
    told = [line for line in lines_of(said, terminal=True) if "FORGED" in line]
    assert len(told) == 1
    assert re.match(r"site-2 +\| BEGIN", told[0])
    coloured = next(line for line in said.split("\n") if "FORGED" in line)
    assert "\x1b[31mred" in coloured
    assert coloured.rstrip("\r").endswith("\x1b[0m")


@contextmanager
def crashing(federation: Deployment, folder: Path) -> Iterator[None]:
    """Let a site run code that writes it and ends, each time that it is started."""
    (folder / "evil.py").write_text(
        f"import sys; sys.stdout.buffer.write({HOSTILE.encode()!r} + b'\\n'); sys.stdout.flush(); sys.exit(1)\n"
    )
    folder.chmod(0o755)
    service = {
        "command": ["client", "evil"],
        "environment": {"PYTHONPATH": "/evil"},
        "volumes": [f"{folder}:/evil:ro"],
    }
    override = federation.folder / "compose.override.yml"
    override.write_text(json.dumps({"services": {"site-2": service}}))
    try:
        yield
    finally:
        override.unlink()


def test_the_last_line_of_a_participant_is_one_line_of_text(federation: Deployment, tmp_path: Path) -> None:
    with crashing(federation, tmp_path):
        failed = federation.up()
        assert failed.returncode == 3, failed.err
        _told_once(failed)
        started = federation.up("-d")
        assert started.returncode == 0, started.err
        status = _seen(lambda: federation.run("status"), lambda seen: seen.out)
        assert status.returncode == 3
        _told_once(status)
        shown = _seen(lambda: on_a_terminal(federation, "status"), lambda seen: seen)
        assert sum("FORGED" in line for line in lines_of(shown, terminal=True)) == 1
        assert federation.run("down").returncode == 0


T = TypeVar("T")


def _seen(look: Callable[[], T], text: Callable[[T], str]) -> T:
    """Look until the site has crashed and does not run again for a moment: only then its last line is told."""
    found: list[T] = []

    def told() -> bool:
        found.append(look())
        return "FORGED" in text(found[-1])

    eventually(told)
    return found[-1]


def _told_once(ended: Ended) -> None:
    lines = lines_of(ended.out + ended.err)
    told = [line for line in lines if "FORGED" in line]
    assert len(told) == 1, told
    assert "site-2" in told[0]
    assert "its last line" in told[0]
    assert told[0].rstrip().endswith("END")
    assert not any(line.strip().startswith(("FORGED", "hint: FORGED", "error: FORGED", "server1-1")) for line in lines)
