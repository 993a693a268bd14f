"""A restart of the engine, as a reboot makes it: what ran comes back, what an admin shut down does not.

Docker's documentation says that on-failure does not survive a restart of the daemon. Its code and this test say
that it does for whatever ended with another status than 0, on an engine of the test's own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import (
    SHUT_DOWN_SITE_2,
    Deployment,
    docker,
    eventually,
    forget_images,
    free_port,
    missing,
    provision,
    run,
)

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]


BRIDGE = f"cmp{os.getpid()}"


@dataclass
class OwnEngine:
    """A dockerd with a data root, an exec root and a socket of its own."""

    data: Path
    state: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"unix://{self.state}/docker.sock"

    def start(self) -> None:
        argv = ["dockerd", "--data-root", self.data, "--exec-root", self.state / "exec", "--host", self.host]
        # A bridge of its own: with none, dockerd deletes docker0, which is another engine's.
        argv += ["--pidfile", self.state / "docker.pid", "--bridge", BRIDGE, "--iptables=false"]
        with (self.state / "dockerd.log").open("ab") as log:
            self.process = subprocess.Popen(
                list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        eventually(lambda: run(["docker", "info"], env={"DOCKER_HOST": self.host}).returncode == 0, 30)

    def stop(self) -> None:
        assert self.process
        self.process.terminate()
        self.process.wait(60)

    def cut_power(self) -> None:
        """End the daemon, its helpers and its containers at once, and empty what a boot finds empty."""
        assert self.process
        names = run(["docker", "ps", "--quiet"], env={"DOCKER_HOST": self.host}).out.split()
        template = ["docker", "inspect", "--format", "{{.State.Pid}}", *names]
        containers = run(template, env={"DOCKER_HOST": self.host}).out.split()
        self.process.kill()
        self.process.wait(10)
        helpers = [entry.name for entry in Path("/proc").glob("[0-9]*") if self._helps(entry)]
        for pid in [*helpers, *containers]:
            os.kill(int(pid), signal.SIGKILL)
        eventually(lambda: not any(Path("/proc", pid).exists() for pid in containers), 10)
        unmount_below(self.state)
        unmount_below(self.data)
        shutil.rmtree(self.state)
        self.state.mkdir()

    def _helps(self, entry: Path) -> bool:
        try:
            return str(self.state).encode() in (entry / "cmdline").read_bytes()
        except OSError:
            return False


def unmount_below(folder: Path) -> None:
    for line in reversed(Path("/proc/mounts").read_text().splitlines()):
        if Path(line.split()[1]).is_relative_to(folder):
            run(["umount", line.split()[1]])


@pytest.fixture(scope="module")
def own_engine(engine: None) -> Iterator[OwnEngine]:
    if os.geteuid() != 0 or not shutil.which("dockerd"):
        missing("an engine of the test's own needs root and dockerd")
    # Short paths: containerd's sockets lie below, and a socket's path may have 107 characters.
    data, state = (Path(tempfile.mkdtemp(prefix="engine-", dir=parent)) for parent in ("/var/tmp", "/run"))
    own = OwnEngine(data, state)
    assert run(["ip", "link", "add", BRIDGE, "type", "bridge"]).returncode == 0
    assert run(["ip", "address", "add", "10.213.0.1/24", "dev", BRIDGE]).returncode == 0
    own.start()
    yield own
    own.stop()
    run(["ip", "link", "delete", BRIDGE])
    for folder in (data, state):
        unmount_below(folder)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def reboots(
    own_engine: OwnEngine, definition: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """A federation on the test's own engine; its images come from the engine that built them."""
    folder = tmp_path_factory.mktemp("reboots")
    port = free_port()
    kits = provision(folder, f"reboot{port}", port)
    deployment = Deployment(folder / "deployment", kits, definition)
    built = deployment.on_kits("build")
    assert built.returncode == 0, built.err
    tags = [
        line
        for line in docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        if line.startswith(deployment.compose_project)
    ]
    archive = folder / "images.tar"
    docker("save", "--output", str(archive), *tags)
    deployment.environment["DOCKER_HOST"] = own_engine.host
    loaded = run(["docker", "load", "--input", archive], env=deployment.environment)
    assert loaded.returncode == 0, loaded.err
    with deployment.running():
        yield deployment
    forget_images(kits.parent.name)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(OwnEngine.stop, marks=pytest.mark.fault(13)),
        pytest.param(OwnEngine.cut_power, marks=pytest.mark.fault(14)),
    ],
)
def test_what_ran_comes_back_and_what_was_shut_down_does_not(
    reboots: Deployment, own_engine: OwnEngine, how: Callable[[OwnEngine], None]
) -> None:
    shut = reboots.run("admin", "--", *SHUT_DOWN_SITE_2)
    assert shut.returncode == 0, shut.err
    eventually(lambda: reboots.status()["participants"][2]["state"] == "stopped")
    how(own_engine)
    own_engine.start()
    eventually(lambda: [row["registered"] for row in reboots.status()["participants"]] == [True, True, False])
    time.sleep(3)
    assert reboots.status()["participants"][2]["state"] == "stopped"
    assert reboots.up().returncode == 0
    assert reboots.status()["healthy"]
