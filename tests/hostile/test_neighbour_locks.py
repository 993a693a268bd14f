"""A job in a container with the host's network, or another account, keeps nobody from `up` and `down`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Child, Deployment, docker, eventually, missing
from tests.docker.faults.stack import containers, refused, stack

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

HOLD = (
    "import socket, time; held = socket.socket(socket.AF_UNIX); held.bind('\\0flare-composer/{project}'); "
    "held.listen(1); print('held', flush=True); time.sleep(600)"
)


@pytest.fixture(scope="module")
def running(engine: None, definition: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with stack(tmp_path_factory.mktemp("locks"), definition) as deployment:
        yield deployment


def bound(project: str) -> bool:
    return f"@flare-composer/{project}" in Path("/proc/net/unix").read_text()


def test_a_job_that_takes_the_name_of_the_project_stops_nobody(running: Deployment) -> None:
    project = running.kits.parent.name
    docker("exec", "--detach", running.container("site-2"), "python3", "-c", HOLD.format(project=project))
    eventually(lambda: bound(project), 20)
    ended = running.up()
    assert ended.returncode == 0, ended.err
    ended = running.run("down")
    assert ended.returncode == 0, ended.err
    assert containers(running) == {}


def test_another_account_stops_nobody(running: Deployment) -> None:
    if os.geteuid() != 0:
        missing("acting as another account needs root")
    assert running.up().returncode == 0
    project = running.kits.parent.name
    argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c"]
    with Child([*argv, HOLD.format(project=project)], stdout=subprocess.PIPE, text=True) as stranger:
        try:
            assert stranger.stdout
            assert stranger.stdout.readline() == "held\n"
            for command in (running.up(), running.run("down")):
                assert command.returncode == 0, command.err
            # Nor is there another place in which it could hold the lock.
            probe = subprocess.run([*argv, "import os; os.listdir('/run/flare-composer.locks')"], check=False)
            assert probe.returncode != 0
        finally:
            stranger.kill()
    assert containers(running) == {}


def test_down_needs_no_folder_that_can_be_written(running: Deployment) -> None:
    if os.geteuid() != 0:
        missing("mounting needs root")
    assert running.up().returncode == 0
    folder = str(running.folder)
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        refused(running.run("generate", str(running.kits)), "Read-only file system")
        ended = running.run("down")
        assert ended.returncode == 0, ended.err
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
    assert containers(running) == {}


@pytest.mark.parametrize("ends", ["2>&-", "<&- >&- 2>&-", "2>/dev/full", "2>&1 | head -n1"])
def test_down_and_up_do_what_they_are_told_though_nobody_hears(running: Deployment, ends: str) -> None:
    from tests.conftest import COMPOSER

    definition = f"-f {running.definition}" if running.definition else ""
    for command, many in ((f"up {running.kits} {definition}", 3), ("down", 0)):
        script = f"set -o pipefail; {' '.join(COMPOSER)} {command} -C {running.folder} {ends}"
        ended = subprocess.run(["bash", "-c", script], env={**os.environ, **running.environment}, check=False)
        assert ended.returncode == 0
        assert len(containers(running)) == many
