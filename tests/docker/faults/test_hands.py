"""What somebody does to containers by hand behind composer's back, and to the engine's socket."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import COMPOSER, Child, Deployment, docker, eventually
from tests.docker.faults.stack import containers, healthy, inspect, refused, rows, started, wait_for_line

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]
NEVER_REGISTERS = {"site-1": {"command": ["client", "http.server", "--bind", "127.0.0.1", "0"]}}


@pytest.mark.fault(29)
def test_a_paused_site_is_told_and_nothing_is_started_over_it(well: Deployment) -> None:
    before, name = containers(well), well.container("site-1")
    docker("pause", name)
    try:
        row = rows(well)["site-1"]
        assert (row["state"], row["detail"]) == ("paused", f"somebody paused it: docker unpause {name}")
        assert well.run("status").returncode == 3
        ended = well.up()
        refused(ended, "site-1 is paused")
        assert f"docker unpause {name}" in ended.err
        assert containers(well) == before
        assert inspect(well, "site-1")["State"]["Status"] == "paused"
    finally:
        docker("unpause", name)
    eventually(lambda: healthy(well))


@pytest.mark.fault(29)
def test_a_paused_server_is_no_stranger_on_its_own_port(well: Deployment) -> None:
    name = well.container("server1")
    docker("pause", name)
    try:
        ended = well.up()
        refused(ended, "server1 is paused")
        assert "is taken" not in ended.err
        assert "is taken" not in well.on_kits("doctor").out
    finally:
        docker("unpause", name)
    eventually(lambda: healthy(well))


@pytest.mark.fault(30)
def test_a_container_that_somebody_removes_ends_the_wait(well: Deployment) -> None:
    path = well.folder / "compose.override.yml"
    path.write_text(json.dumps({"services": NEVER_REGISTERS}))
    try:
        with started(well, "up") as process:
            wait_for_line(process, "site-1: started")
            docker("rm", "--force", well.container("site-2"))
            removed = time.monotonic()
            said = process.communicate(timeout=60)[1]
            # Of 120 seconds that it would wait; the machine may be busy.
            assert time.monotonic() - removed < 30
    finally:
        path.unlink()
    assert process.returncode == 3
    assert re.search(r"error: somebody removed site-2.s container\n hint: composer up again", said)
    assert "site-1 has not registered" not in said
    assert well.up().returncode == 0
    assert healthy(well)


def test_a_watch_goes_on_when_the_engine_answers_again(well: Deployment, tmp_path: Path) -> None:
    link, socket = tmp_path / "docker.sock", os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    link.symlink_to(socket.removeprefix("unix://"))
    with Child(
        [*COMPOSER, "status", "--watch", "--json", "-C", well.folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DOCKER_HOST": f"unix://{link}"},
    ) as process:
        try:
            assert process.stdout is not None
            assert "}\n" in iter(process.stdout.readline, "")
            link.unlink()
            wait_for_line(process, "error: no Docker engine answers")
            link.symlink_to(socket.removeprefix("unix://"))
            # One may have been on its way before the engine was gone.
            for _ in range(2):
                assert "}\n" in iter(process.stdout.readline, "")
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()
