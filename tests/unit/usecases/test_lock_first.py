"""A command that waits for another composer decides by what that one has left, and not by what there was before."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import COMPOSER, Child, Ended, composer

pytestmark = pytest.mark.nvflare

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}


@contextmanager
def at_work(deployment: Path) -> Iterator[None]:
    """Hold the lock of a deployment folder, as another composer does."""
    deployment.mkdir(exist_ok=True)
    lock = deployment / ".lock"
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        lock.unlink()
        os.close(descriptor)


@contextmanager
def waiting(folder: Path, *arguments: str | Path) -> Iterator[list[Ended]]:
    """A composer that waits in the block for another one, and goes on after it; how it ended is in the list then."""
    ended: list[Ended] = []
    argv = [*map(str, COMPOSER), *map(str, arguments)]
    environment, pipe = {**os.environ, **NO_ENGINE}, subprocess.PIPE
    with Child(argv, cwd=folder, env=environment, text=True, stdout=pipe, stderr=pipe) as process:
        assert process.stderr
        try:
            with at_work(folder / "deployment"):
                told = process.stderr.readline()
                assert "Waiting for" in told, told + process.stderr.read()
                yield ended
            out, err = process.communicate(timeout=120)
        finally:
            process.send_signal(signal.SIGTERM)
    assert "Traceback" not in err
    ended.append(Ended(process.returncode, out, told + err))


def processes(kits: Path, folder: Path, name: str) -> Path:
    """A deployment of plain processes."""
    (folder / "composer.yml").write_text("runtime: process\n")
    made = folder / name
    assert composer("generate", kits, "-f", folder / "composer.yml", "-C", made, cwd=folder).returncode == 0
    return made


def test_down_waits_for_a_first_up_that_has_written_nothing_yet(prod_00: Path, tmp_path: Path) -> None:
    made = processes(prod_00, tmp_path, "made")
    text = (made / "manifest.json").read_text().replace(str(made), str(tmp_path / "deployment"))
    shutil.rmtree(tmp_path / "deployment", ignore_errors=True)
    with waiting(tmp_path, "down", "--wait") as ended:
        shutil.copytree(made, tmp_path / "deployment", dirs_exist_ok=True)
        (tmp_path / "deployment" / "manifest.json").write_text(text)
    assert ended[0].returncode == 0, ended[0].err
    assert "Stopping" in ended[0].err


def test_down_stops_what_the_other_composer_has_left(prod_00: Path, tmp_path: Path) -> None:
    """It had containers before, and processes afterwards."""
    assert composer("generate", prod_00, cwd=tmp_path).returncode == 0
    made = processes(prod_00, tmp_path, "made")
    with waiting(tmp_path, "down", "--wait") as ended:
        shutil.copytree(made, tmp_path / "deployment", dirs_exist_ok=True)
    assert ended[0].returncode == 0, ended[0].err
    assert "Docker engine" not in ended[0].err


@pytest.mark.parametrize("command", ["build", "up", "generate"])
def test_the_kits_that_the_other_composer_has_left_are_checked(command: str, prod_00: Path, tmp_path: Path) -> None:
    processes(prod_00, tmp_path, "deployment")
    bad = tmp_path / "bad"
    shutil.copytree(prod_00, bad)
    shutil.copy(bad / "site-2" / "startup" / "client.crt", bad / "site-1" / "startup" / "client.crt")
    manifest = tmp_path / "deployment" / "manifest.json"
    with waiting(tmp_path, command, "--wait") as ended:
        document = json.loads(manifest.read_text())
        document["kits"] = [str(bad)]
        manifest.write_text(json.dumps(document))
    assert ended[0].returncode != 0
    assert "client.key" in ended[0].err
    assert "Installing" not in ended[0].err


def test_down_of_what_is_no_deployment_makes_nothing(tmp_path: Path) -> None:
    ended = composer("down", "-C", "nowhere", cwd=tmp_path)
    assert ended.returncode == 1
    assert "is not a deployment folder" in ended.err
    assert list(tmp_path.iterdir()) == []
