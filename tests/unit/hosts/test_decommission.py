"""A host that is left: nothing of another deployment is stopped or deleted there. The scripts are the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest

from composer.cli.screen.terminal import Terminal
from composer.deployment.manifest import Manifest
from composer.deployment.recorded import read_manifest
from composer.hosts import remote
from composer.hosts.decommission import decommission
from composer.hosts.delivery import files_for, look, send
from composer.model.command import Command
from composer.model.host import Host
from composer.runtimes import docker_lifecycle
from tests.fakes.hosts import Shell

EMPTY = Manifest("1", "far", "far", (), None, (), {})

Leave = Callable[..., tuple[Manifest, str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "srv" / "far"


@pytest.fixture
def stopped() -> list[Command]:
    return []


@pytest.fixture
def leave(
    root: Path,
    tmp_path: Path,
    stopped: list[Command],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Leave:
    """Leave the host as a deployment folder does, where the engine there has the containers of some folders."""
    there = Shell(root)

    @contextmanager
    def connection(_: Host) -> Iterator[Shell]:
        yield there

    def left(deployment: Path, *labels: str, purge: bool = False) -> tuple[Manifest, str]:
        containers = [SimpleNamespace(deployment=label) for label in labels]
        engine: Any = SimpleNamespace(containers=lambda _: containers)
        monkeypatch.setattr(remote, "connection", connection)
        monkeypatch.setattr(remote, "engine_of", lambda _: engine)
        monkeypatch.setattr(docker_lifecycle, "run", lambda command, _: stopped.append(command))
        deployment.mkdir(exist_ok=True)
        manifest = replace(EMPTY, left=(replace(there.host, path=PurePosixPath(root)),))
        with Terminal(0) as terminal:
            known = decommission(manifest, deployment, terminal, purge)
        assert read_manifest(deployment) == known
        return known, capsys.readouterr().err

    return left


def deliver(root: Path, deployment: Path) -> None:
    there: Any = Shell(root)
    found = look(there)
    (deployment / "hosts" / "ward").mkdir(parents=True, exist_ok=True)
    (deployment / "hosts" / "ward" / "docker-compose.yml").write_text("services: {}\n")
    manifest = replace(EMPTY, files={"hosts/ward/docker-compose.yml": ""})
    send(there, files_for(deployment, manifest, "ward", found.user), ("workspaces/site-1",), found)
    (root / "workspaces" / "site-1" / "results").write_text("theirs")


def contents(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("purge", [False, True])
def test_what_another_deployment_has_there_is_left_alone(
    root: Path, tmp_path: Path, leave: Leave, stopped: list[Command], purge: bool
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    deliver(root, new)
    before = contents(root)
    known, said = leave(old, f"{new}/hosts/ward", purge=purge)
    assert stopped == []
    assert contents(root) == before
    assert "nothing was stopped or deleted there" in said
    assert str(new) in said
    assert known.left == ()
    # Its containers have ended, and its folder is still its own.
    assert "nothing was stopped or deleted there" in leave(old, purge=purge)[1]
    assert contents(root) == before


def test_what_is_of_this_deployment_is_ended_and_taken_away(
    root: Path, tmp_path: Path, leave: Leave, stopped: list[Command]
) -> None:
    mine = tmp_path / "mine"
    deliver(root, mine)
    leave(mine, f"{mine}/hosts/ward")
    assert [command.argv[:2] for command in stopped] == [("docker", "compose")]
    assert contents(root) == {"SHA256SUMS", "workspaces/site-1/results"}
    deliver(root, mine)
    (root / "notes.txt").write_text("the host's own")
    said = leave(mine, f"{mine}/hosts/ward", purge=True)[1]
    assert contents(root) == {"notes.txt"}
    assert "notes.txt stays" in said
