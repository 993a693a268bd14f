"""A federation of plain processes on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Deployment, free_port, provision

PORT = free_port()


def members(workspace: Path) -> list[int]:
    """The processes that have a workspace in their environment, whoever started them."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            environment = (folder / "environ").read_bytes().split(b"\0") if folder.name.isdigit() else []
        except OSError:
            continue
        if b"FLARE_WORKSPACE=" + os.fsencode(workspace) in environment:
            found.append(int(folder.name))
    return found


@pytest.fixture(scope="session")
def kits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return provision(tmp_path_factory.mktemp("kits"), "plain", PORT)


@pytest.fixture(scope="module")
def processes(kits: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment of ``runtime: process`` that is up, on a machine whose Docker nobody can reach."""
    folder = tmp_path_factory.mktemp("plain")
    definition = folder / "composer.yml"
    definition.write_text(f"runtime: process\nkits: {kits}\n")
    one = Deployment(folder / "deployment", kits, definition, {"DOCKER_HOST": f"unix://{folder}/none.sock"})
    ended = one.up()
    assert ended.returncode == 0, ended.err
    yield one
    one.run("down")
