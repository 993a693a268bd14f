"""What nobody can hear is dropped; what was to be done is done, and the exit status tells of that."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from composer.cli import cli
from tests.conftest import COMPOSER, provision, run


@pytest.fixture(scope="module")
def kits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return provision(tmp_path_factory.mktemp("kits"), "streams", 8002)


@pytest.mark.nvflare
@pytest.mark.parametrize("ends", ["2>&-", "<&- >&- 2>&-", "2>/dev/full", "2>&1 | true"])
def test_talk_that_nobody_hears_keeps_nothing_from_being_done(kits: Path, ends: str, tmp_path: Path) -> None:
    folder = tmp_path / "deployment"
    script = '{ "$@"; echo $? >status; } ' + ends + '; exit "$(cat status)"'
    ended = run(["bash", "-c", script, "sh", *COMPOSER, "generate", kits, "-C", folder], cwd=tmp_path)
    assert ended.returncode == 0, ended.err
    assert (folder / "manifest.json").is_file()


@pytest.mark.parametrize("ends", ["2>&-", "2>/dev/full", ">&-"])
def test_a_failure_that_nobody_hears_is_one(ends: str, tmp_path: Path) -> None:
    ended = run(["sh", "-c", f'"$@" {ends}', "sh", *COMPOSER, "status", "-C", tmp_path])
    assert ended.returncode == 1
    assert "Traceback" not in ended.err


def test_a_file_is_never_taken_for_a_stream_that_was_closed(kits: Path, tmp_path: Path) -> None:
    folder = tmp_path / "deployment"
    ended = run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *COMPOSER, "generate", "-v", kits, "-C", folder])
    assert ended.returncode == 0
    assert all("composer" not in one.read_text(errors="replace")[:9] for one in folder.glob("*.json"))


def test_what_the_output_does_not_take_is_told(kits: Path) -> None:
    ended = run(["sh", "-c", '"$@" >/dev/full', "sh", *COMPOSER, "check", kits])
    assert ended.returncode == 1
    assert ended.err == "error: the output cannot be written: No space left on device\n hint: make room where it goes\n"


def test_nothing_else_is_blamed_on_the_output(kits: Path, tmp_path: Path) -> None:
    # An error of the system that names no file, as of a sleep, a socket or a process that cannot be made.
    (tmp_path / "sitecustomize.py").write_text(
        "def fail(*_, **__):\n    raise OSError(11, 'Resource temporarily unavailable')\n\n"
        "import composer.usecases.check as check\ncheck.check = fail\n"
    )
    ended = run([*COMPOSER, "check", kits], env={"PYTHONPATH": str(tmp_path)})
    assert ended.returncode == 1
    assert ended.err.splitlines() == [
        "error: the system refuses what composer needs: Resource temporarily unavailable",
        " hint: see what the machine is short of: ulimit -a, free, df",
    ]


# What each command is given where it is to do what it is there for, or to say in one line why it cannot.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "up": ("{kits}", "-C", "{folder}", "--dry-run"),
    "status": ("-C", "{folder}"),
    "why": ("-C", "{folder}"),
    "logs": ("-C", "{folder}"),
    "admin": ("-C", "{folder}", "nobody"),
    "start": ("-C", "{folder}", "nobody"),
    "stop": ("-C", "{folder}"),
    "restart": ("-C", "{folder}", "nobody"),
    "add": ("{kits}", "-C", "{folder}"),
    "remove": ("-C", "{folder}", "nobody"),
    "exec": ("-C", "{folder}", "nobody", "--", "true"),
    "shell": ("-C", "{folder}", "nobody"),
    "down": ("-C", "{folder}"),
    "generate": ("{kits}", "-C", "{folder}"),
    "diff": ("{kits}", "-C", "{folder}"),
    "build": ("{kits}", "-C", "{folder}", "--dry-run"),
    "images": ("-C", "{folder}"),
    "wheels": ("{folder}/none", "-o", "{folder}/none/wheels"),
    "bundle": ("{kits}", "-o", "{folder}-bundles"),
    "check": ("{kits}",),
    "doctor": ("{kits}",),
    "history": ("-C", "{folder}"),
    "topology": ("{kits}",),
    "report": ("{kits}", "-o", "{folder}-report.html"),
    "hosts": ("{kits}",),
    "provision": ("{folder}/none.yml",),
    "demo": ("{folder}/manifest.json",),
    "schema": (),
    "completion": ("bash",),
}


@pytest.fixture(scope="module")
def deployment(kits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of plain processes: to look at it takes no engine."""
    folder = tmp_path_factory.mktemp("streams")
    (folder / "composer.yml").write_text("runtime: process\n")
    ended = run([*COMPOSER, "generate", kits, "-C", folder / "deployment", "-f", folder / "composer.yml"])
    assert ended.returncode == 0, ended.err
    return folder / "deployment"


def test_no_command_is_left_out() -> None:
    assert set(ARGUMENTS) == set(cli.list_commands(click.Context(cli)))


@pytest.mark.nvflare
@pytest.mark.parametrize("command", ARGUMENTS)
def test_each_command_ends_as_it_does_where_it_is_heard(command: str, kits: Path, deployment: Path) -> None:
    given = [part.format(kits=kits, folder=deployment) for part in ARGUMENTS[command]]
    argv = [*COMPOSER, command, *given]
    environment = {"DOCKER_HOST": f"unix://{deployment}/none.sock"}
    ends = {
        closed: run(["sh", "-c", f'"$@" {closed}', "sh", *argv], cwd=deployment.parent, env=environment)
        for closed in ("", "2>&-", ">&-")
    }
    heard = ends[""]
    told = {closed: (ended.returncode, ended.out, ended.err) for closed, ended in ends.items()}
    assert {closed: ended.returncode for closed, ended in ends.items()} == dict.fromkeys(ends, heard.returncode), told
    assert heard.returncode != 2, told
    assert not any("Traceback" in ended.out + ended.err for ended in ends.values()), told
    assert ends["2>&-"].out == heard.out
    assert ends[">&-"].err == heard.err
