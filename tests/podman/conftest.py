"""Podman, without Docker on the machine: as an ordinary user or as root, whoever runs the tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Deployment, Ended, missing, run


def podman(*arguments: str) -> str:
    """Run ``podman`` and return what it wrote; it must end with 0."""
    ended = run(["podman", *arguments])
    assert ended.returncode == 0, ended.err
    return ended.out


@dataclass
class PodmanDeployment(Deployment):
    """A deployment folder of a test under Podman."""

    def forget(self) -> None:
        """Take everything down, and the images' names away; to remove them would remove what the next build takes."""
        if (self.folder / "manifest.json").exists():
            self.run("down", "--purge", "--yes", "--wait")
        found = podman("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        for tag in found:
            if f"/{self.kits.parent.name}/" in tag:
                podman("untag", tag, tag)

    def container(self, service: str) -> str:
        """The name of a service's container."""
        return f"{self.compose_project}-{service}"


@pytest.fixture(scope="session", autouse=True)
def _podman() -> None:
    if not shutil.which("podman") or shutil.which("docker"):
        missing("there is no Podman here, or Docker beside it: use `make test-podman`")


@pytest.fixture(scope="module")
def federation(prod_00: Path, definition: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodmanDeployment]:
    """A federation that is up: a server, two sites, an admin."""
    deployment = PodmanDeployment(tmp_path_factory.mktemp("federation") / "deployment", prod_00, definition)
    with deployment.running():
        yield deployment


def strangers(folder: Path) -> list[Path]:
    """Whatever lies below a folder and is not of whoever runs the tests."""
    return [path for path in folder.rglob("*") if path.lstat().st_uid != os.geteuid()]


def quadlets(folder: Path) -> Ended:
    """What Podman's generator of units makes of the quadlets in a folder."""
    user = ["-user"] if os.geteuid() else []
    return run(["/usr/libexec/podman/quadlet", "-dryrun", *user], env={"QUADLET_UNIT_DIRS": str(folder)})
