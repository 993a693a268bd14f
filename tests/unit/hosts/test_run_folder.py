"""What is seen of plain processes in a folder, here and on another host: the same, whatever jobs have left there."""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from composer.hosts.run_folder import RemoteFolder
from composer.model.command import Command
from composer.model.errors import ComposerError, HostError
from composer.runtimes.run_folder import LocalFolder, RunFolder
from composer.system.foreign_files import ForeignFile
from tests.conftest import ROOT, Child
from tests.fakes.hosts import Shell
from tests.fakes.reporter import Heard


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "far"
    (folder / "workspaces" / "site-1").mkdir(parents=True)
    return folder


@pytest.fixture(params=[LocalFolder, lambda root: RemoteFolder(Shell(root), "server1")], ids=["here", "elsewhere"])
def folder(request: pytest.FixtureRequest, root: Path) -> RunFolder:
    make: Callable[[Path], RunFolder] = request.param
    return make(root)


@pytest.fixture
def supervisor(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has the workspace of site-1 in its environment, and whose pid stands there."""
    workspace = root / "workspaces" / "site-1"
    with Child(["sleep", "600"], env={**os.environ, "FLARE_WORKSPACE": str(workspace)}) as process:
        (workspace / "composer.supervisor").write_text(f"{process.pid}\n")
        yield process
        process.kill()


def test_who_is_supervised(folder: RunFolder, root: Path, supervisor: subprocess.Popen[bytes]) -> None:
    (root / "workspaces" / "site-2").mkdir()
    (root / "workspaces" / "site-2" / "composer.supervisor").write_text(f"{supervisor.pid}\n")
    (root / "workspaces" / "site-3").symlink_to(root / "workspaces" / "site-1")
    assert list(folder.look().supervised()) == ["site-1"]
    supervisor.kill()
    supervisor.wait()
    assert list(folder.look().supervised()) == []


def test_what_is_not_there_is_nothing(folder: RunFolder, root: Path) -> None:
    (root / "workspaces" / "site-1").rmdir()
    (root / "workspaces").rmdir()
    workspaces = folder.look()
    assert (list(workspaces.supervised()), list(workspaces.former()), workspaces.runs_as("site-1")) == ([], [], "")
    assert not folder.look().installed("venvs/2.9.0-0123abcd")


def test_environments_and_former_runs_are_found(folder: RunFolder, root: Path) -> None:
    for name in ("venvs/2.9.0-0123abcd", "venvs/2.8.0-0123abcd", "workspaces/.former/site-2"):
        (root / name).mkdir(parents=True)
    (root / "venvs/2.9.0-0123abcd/.complete").write_text("whole\n")
    (root / "workspaces/.former/site-2/conf").write_text("name=site-2\n")
    assert folder.look().installed("venvs/2.9.0-0123abcd")
    assert not folder.look().installed("venvs/2.8.0-0123abcd")
    assert list(folder.look().former()) == ["site-2"]
    folder.forget_former()
    assert list(folder.look().former()) == []


def test_files_are_read_up_to_a_limit(folder: RunFolder, root: Path) -> None:
    workspace = root / "workspaces" / "site-1"
    (workspace / "composer.state").write_text("registered 2026-01-01T00:00:00Z\n" + "x" * 10_000)
    (workspace / "console.log").write_text("first\n" + "x" * 100_000 + "\nlast\n")
    workspaces = folder.look()
    assert workspaces.read("site-1/composer.state", 10).content == b"registered"
    assert workspaces.read("site-1/console.log", 5, from_end=True).content == b"last\n"
    written = workspaces.read("site-1/composer.state", 10).written
    assert written == pytest.approx((workspace / "composer.state").stat().st_mtime)


@pytest.mark.parametrize("kind", ["a pipe", "a link", "a folder", "a device", "a closed folder"])
def test_what_a_job_puts_in_the_place_of_a_file_is_not_read(folder: RunFolder, root: Path, kind: str) -> None:
    workspace = root / "workspaces" / "site-1"
    state = workspace / "composer.state"
    secret = root / "secret"
    secret.write_text("a secret")
    if kind == "a pipe":
        os.mkfifo(state)
    elif kind == "a link":
        state.symlink_to(secret)
    elif kind == "a folder":
        state.mkdir()
    elif kind == "a device":
        state.symlink_to("/dev/zero")
    else:
        (workspace / "startup").symlink_to(root)
        (root / "rootCA.pem").write_text("a secret")
    workspaces = folder.look()
    for path in ("site-1/composer.state", "site-1/startup/rootCA.pem"):
        with pytest.raises(OSError, match=r".*"):
            workspaces.read(path, 100)


def test_a_file_that_is_endless_is_read_from_where_it_matters(folder: RunFolder, root: Path) -> None:
    with (root / "workspaces" / "site-1" / "console.log").open("wb") as file:
        file.truncate(1 << 40)
    assert folder.look().read("site-1/console.log", 3, from_end=True).content == b"\0\0\0"


def test_the_log_of_the_server_alone_is_read(root: Path) -> None:
    for service in ("server1", "site-1"):
        (root / "workspaces" / service).mkdir(exist_ok=True)
        (root / "workspaces" / service / "log.json").write_text(service)
    workspaces = RemoteFolder(Shell(root), "server1").look()
    assert workspaces.read("server1/log.json", 100, from_end=True).content == b"server1"
    with pytest.raises(FileNotFoundError):
        workspaces.read("site-1/log.json", 100, from_end=True)


def test_what_scripts_say_is_what_went_wrong(folder: RunFolder) -> None:
    said = "error: there is no Python\x1b[2J here\n hint: install one\n"
    with pytest.raises(ComposerError) as caught:
        folder.run(Command(("sh", "-c", f"printf %s {shlex.quote(said)} >&2; exit 1")))
    assert (str(caught.value), caught.value.hint) == ("there is no Python here", "install one")


def test_commands_get_their_environment(folder: RunFolder, tmp_path: Path) -> None:
    heard = Heard()
    command = Command(("sh", "-c", 'echo "$ADMIN of $0"', "x y"), environment=(("ADMIN", "a b"), ("NONE", None)))
    folder.perform(command, heard)
    assert heard.lines == ["a b of x y"]


class _Says(Shell):
    """A host that answers whatever it likes."""

    def __init__(self, root: Path, answer: str) -> None:
        super().__init__(root)
        self._answer = answer

    def program(self, name: str, *arguments: str, timeout: float = 30) -> str:
        return self._answer


def seen(**more: Any) -> str:
    found = {"supervised": ["site-1"], "others": {}, "former": [], "environments": [], "files": {}}
    return "seen " + json.dumps({**found, **more})


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "seen",
        "seen {",
        "seen []",
        "seen null",
        "seen {}",
        seen() + "\n" + seen(),
        seen(supervised=None),
        seen(others=[["site-1"]]),
        seen(files={"a": 1}),
        seen(files={"a": ["!!!", 1]}),
        seen(files={"a": [base64.b64encode(b"x").decode(), "yesterday"]}),
        seen(files=None),
        "seen " + "[" * 100_000,
    ],
)
def test_a_host_that_answers_something_else_is_told_of(answer: str, root: Path) -> None:
    with pytest.raises(HostError, match="its shell answers with something else"):
        RemoteFolder(_Says(root, answer)).look()


def test_greetings_and_odd_names_are_passed_over(root: Path) -> None:
    hostile = ["site-1", "../../etc", "-rf", "a\x1b[2J", 7, None]
    answer = "Welcome to ward!\n" + seen(supervised=hostile, former=hostile, others={"site-2": "a\x1b[2J\nb"})
    workspaces = RemoteFolder(_Says(root, answer)).look()
    assert list(workspaces.supervised()) == list(workspaces.former()) == ["site-1"]
    assert workspaces.runs_as("site-2").isprintable()


def test_the_two_programs_agree_on_what_a_file_is(root: Path) -> None:
    """What is seen there is what would be read here."""
    (root / "workspaces" / "site-1" / "composer.restarts").write_text("3\n")
    program = ROOT / "dockerfiles" / "remote" / "see.py"
    said = subprocess.run(
        [sys.executable, "-I", "-S", program, root], capture_output=True, text=True, check=True
    ).stdout
    content, written = json.loads(said.removeprefix("seen "))["files"]["site-1/composer.restarts"]
    here = LocalFolder(root).look().read("site-1/composer.restarts", 10)
    assert ForeignFile(base64.b64decode(content), written) == here
