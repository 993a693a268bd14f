"""Whoever does not answer a prompt ends the command: with its own status, and in one line of cause."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from pathlib import Path

import pytest

from tests import kitmaker
from tests.conftest import COMPOSER, ROOT, Ended, composer, run
from tests.unit.kits.archives import encrypted, files_of

CTRL_C, CTRL_D = "\x03", "\x04"


def _own_terminal() -> None:
    """Let the terminal on standard input be the one whose keys send signals, as a shell does."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def press(argv: list[str], shown: str, key: str | signal.Signals) -> Ended:
    """Run a program on a terminal of its own until it shows something, press a key there, and wait for its end."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        argv, stdin=its, stdout=its, stderr=its, start_new_session=True, preexec_fn=_own_terminal
    )
    os.close(its)
    said, deadline = "", time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 1)[0]:
                try:
                    said += os.read(ours, 65536).decode()
                except OSError:
                    break
            if key and shown in said:
                # A prompt is written a moment before its answer is waited for.
                time.sleep(0.3)
                if isinstance(key, str):
                    os.write(ours, key.encode())
                else:
                    process.send_signal(key)
                key = ""
        return Ended(process.wait(10), said, said)
    finally:
        process.kill()
        os.close(ours)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> kitmaker.Provisioned:
    return kitmaker.provision(tmp_path_factory.mktemp("kits"), kitmaker.Project("2.9"))


@pytest.fixture
def deployment(made: kitmaker.Provisioned, tmp_path: Path) -> Path:
    """A deployment of processes, none of which runs."""
    (tmp_path / "composer.yml").write_text("runtime: process\n")
    folder = tmp_path / "deployment"
    ended = composer("generate", made.prod, "-C", folder, "-f", tmp_path / "composer.yml")
    assert ended.returncode == 0, ended.err
    return folder


ENDS = [
    (CTRL_C, 130, "error: interrupted"),
    (CTRL_D, 1, "error: there was no answer"),
    (signal.SIGTERM, 143, "error: terminated"),
]


@pytest.mark.parametrize(("key", "status", "told"), ENDS)
def test_a_question(key: str | signal.Signals, status: int, told: str, deployment: Path) -> None:
    ended = press([*COMPOSER, "down", "--purge", "-C", str(deployment)], "[y/N]", key)
    assert ended.returncode == status, ended.out
    assert told in ended.out
    assert "Aborted" not in ended.out
    assert (deployment / "manifest.json").is_file()


@pytest.mark.parametrize(("key", "status", "told"), ENDS)
def test_a_pin(key: str | signal.Signals, status: int, told: str, made: kitmaker.Provisioned, tmp_path: Path) -> None:
    archive = tmp_path / "kit.zip"
    archive.write_bytes(encrypted(files_of(made.kit("site-1")), "1234"))
    ended = press([*COMPOSER, "check", str(archive)], "PIN of kit.zip", key)
    assert ended.returncode == status, ended.out
    assert told in ended.out
    assert "Aborted" not in ended.out


@pytest.mark.parametrize(("key", "status", "told"), ENDS)
def test_a_passphrase(
    key: str | signal.Signals, status: int, told: str, made: kitmaker.Provisioned, tmp_path: Path
) -> None:
    argv = ["bundle", str(made.prod), "-C", str(tmp_path / "d"), "-o", str(tmp_path / "out"), "--encrypt", "passphrase"]
    ended = press([*COMPOSER, *argv], "Passphrase", key)
    assert ended.returncode == status, ended.out
    assert told in ended.out
    assert "Aborted" not in ended.out


@pytest.mark.parametrize("closed", ["</dev/null", "<&-"])
def test_down_purge_without_a_terminal(closed: str, deployment: Path) -> None:
    ended = run(["sh", "-c", f'"$@" {closed}', "sh", *COMPOSER, "down", "--purge", "-C", deployment])
    assert ended.returncode == 1
    assert len(ended.err.splitlines()) == 2, ended.err
    assert ended.err.startswith("error: nothing was stopped or deleted")
    assert " hint: agree with --yes" in ended.err
    assert (deployment / "manifest.json").is_file()


def test_a_question_that_is_declined(deployment: Path) -> None:
    ended = press([*COMPOSER, "down", "--purge", "-C", str(deployment)], "[y/N]", "n\n")
    assert (ended.returncode, "error: nothing was stopped or deleted" in ended.out) == (1, True), ended.out
    assert (deployment / "manifest.json").is_file()


def test_logs_that_are_followed_end_without_a_word(deployment: Path) -> None:
    workspace = deployment / "workspaces" / "server1"
    workspace.mkdir(parents=True, exist_ok=True)
    (workspace / "console.log").write_text("a line\n")
    ended = press([*COMPOSER, "logs", "-f", "-C", str(deployment)], "a line", CTRL_C)
    assert ended.returncode == 130
    assert re.fullmatch(r"server1 +\| a line\r\n\^C\r?\n?", ended.out), ended.out


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_the_end_of_an_admins_command_by_a_signal(number: int, deployment: Path, tmp_path: Path) -> None:
    (deployment / "admin.sh").write_text(f"kill -{number} $$\n")
    ended = composer("admin", "-C", deployment, "--", "job", "list", cwd=tmp_path)
    assert ended.returncode == 128 + number, ended.err


def test_nothing_asks_but_what_knows_how_a_prompt_ends() -> None:
    asking = re.compile(r"click\.(confirm|prompt|pause|getchar)\(|\binput\(|getpass")
    found = [path.name for path in (ROOT / "composer").rglob("*.py") if asking.search(path.read_text())]
    assert found == ["prompts.py"]
