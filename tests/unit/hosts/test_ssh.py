"""What is asked of SSH: scripts in a form that any login shell takes, and sockets where their names have room."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from composer.hosts import ssh
from composer.hosts.ssh import connection
from composer.model.errors import ComposerError, HostError, TookTooLong
from composer.model.host import Host
from tests.conftest import ROOT

HOST = Host("ward", "10.0.0.2", "ssh://ward", PurePosixPath("/srv/flare"))
SHELLS = ("sh", "bash", "csh", "tcsh", "fish", "zsh")


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssh.Connection]:
    """A connection by a `ssh` that lets everybody in."""
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    script = 'while [ $# -gt 1 ]; do [ "$1" != -S ] || control=$2; shift; done; touch "$control"; exec cat >/dev/null'
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with connection(HOST) as one:
        yield one


def asked(one: ssh.Connection, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What the host's login shell is given."""
    lines: list[str] = []
    monkeypatch.setattr(ssh, "run", lambda command, *_: lines.append(command.argv[-1]) or "")
    one.script("look", *arguments)
    return lines[0]


def test_a_script_is_one_line_without_what_any_shell_reads_into_quotes(
    opened: ssh.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = asked(opened, monkeypatch, "/srv/flare")
    assert not set(line) & set("\n!\\`")


@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shutil.which(shell)])
def test_whatever_the_login_shell_is_it_runs(
    shell: str, opened: ssh.Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = tmp_path / "it's $HOME; here"
    root.mkdir()
    script = tmp_path / "remote" / "look.sh"
    script.parent.mkdir()
    script.write_text('set -eu\nprintf "root %s\\n" "$1"\ncat\nexit 3\n')
    monkeypatch.setattr(ssh, "read_template", lambda name: (tmp_path / name).read_bytes())
    line = asked(opened, monkeypatch, str(root))
    done = subprocess.run([shell, "-c", line], input="what it reads\n", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, f"root {root}\nwhat it reads\n"), done.stderr


def test_the_real_scripts_come_through_whole(opened: ssh.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(asked(opened, monkeypatch, "/srv/flare"))
    assert words[:2] == ["sh", "-c"]
    assert words[3:] == ["composer", "/srv/flare"]
    decoded = subprocess.run(
        ["sh", "-c", words[2].replace("eval ", "printf '%s\\n' ", 1)], capture_output=True, check=True
    )
    assert decoded.stdout == (ROOT / "dockerfiles" / "remote" / "look.sh").read_bytes()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TookTooLong("`ssh` did not end within 5 s", "x"), "ward has not answered within 5 s"),
        (ComposerError("there is no `ssh` on this machine", "install ssh"), "ward: there is no `ssh` on this machine"),
    ],
)
def test_only_what_takes_too_long_is_told_as_that(
    error: ComposerError, told: str, opened: ssh.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise error

    monkeypatch.setattr(ssh, "run", fail)
    with pytest.raises(HostError) as caught:
        opened.script("look", "/srv/flare", timeout=5)
    assert caught.value.message == told


def test_a_long_folder_for_temporary_files_is_no_place_for_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    place = tmp_path / ("long" * 30)
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    one = request.getfixturevalue("opened")
    assert len(one.docker_host) < 100
    assert list(place.iterdir()) == []
