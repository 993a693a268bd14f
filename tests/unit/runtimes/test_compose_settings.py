"""What a shell has set for other Compose projects holds for none of composer's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from composer.model.command import Command
from composer.runtimes import docker
from composer.system.process import run
from tests.conftest import ROOT
from tests.conftest import run as run_plainly

SET = {
    "COMPOSE_IGNORE_ORPHANS": "1",
    "COMPOSE_REMOVE_ORPHANS": "1",
    "COMPOSE_FILE": "x.yml",
    "COMPOSE_EXPERIMENTAL": "1",
}
# It is composer's own.
OURS = {"COMPOSER_PIN": "1234"}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` that says what it was given."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nenv | grep ^COMPOSE | sort\npwd\necho "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    for name in [name for name in os.environ if name.startswith("COMPOSE")]:
        monkeypatch.delenv(name)
    for name, value in {**SET, **OURS}.items():
        monkeypatch.setenv(name, value)
    return program.parent


@pytest.mark.parametrize("command", [docker.start, docker.stop, lambda _: docker.stop_project("fed")])
def test_composers_commands_have_none_of_it(command: object, tools: Path, tmp_path: Path) -> None:
    assert callable(command)
    chosen = command(tmp_path)
    assert isinstance(chosen, Command)
    said = run(chosen).splitlines()
    assert [line for line in said if line.startswith("COMPOSE")] == ["COMPOSER_PIN=1234"]


def test_a_project_is_ended_whatever_compose_file_lies_in_the_present_folder(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {image: nginx}}\n")
    monkeypatch.chdir(tmp_path)
    *_, folder, arguments = run(docker.stop_project("fed")).splitlines()
    assert (folder, arguments) == ("/", "compose --project-name fed down --remove-orphans")


def test_nor_do_bundles(tools: Path, tmp_path: Path) -> None:
    script = ROOT / "dockerfiles" / "bundle-docker" / "lib" / "run.sh"
    done = run_plainly(["bash", "-euc", 'source "$1"; root=/srv/bundle; by_compose up', "bash", script])
    assert done.returncode == 0, done.err
    assert [line for line in done.out.splitlines() if line.startswith("COMPOSE")] == ["COMPOSER_PIN=1234"]
    assert done.out.endswith("compose --project-directory /srv/bundle up\n")
