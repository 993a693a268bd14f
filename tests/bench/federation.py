"""Three participants in Docker, from kits to registered and down, against plain Compose and NVFLARE's own ways."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import peers
from tests.bench.figure import Figure, seconds, timed, until
from tests.conftest import Deployment, Ended, free_port, provision, run

RUNS = 9
SITES = ("site-1", "site-2")
OURS = "0.3 s of Python, which checks kits and files before it hands over to Compose"
LUCK = "0.3 s of Python; its own starts are lucky (2.2 s) or wait for NVFLARE to dial again (4.1 s)"
DEPLOY_PREPARE = "`nvflare deploy prepare` and its scripts"


def figures() -> list[Figure]:
    """All of them; the ways to start take turns, so that a busy minute of the machine hits every one."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        deployment = make(Path(folder))
        plain, ours, again, status, ours_down, lag = [], [], [], [], [], []
        for _ in range(RUNS):
            plain.append(plain_up(deployment))
            deployment.run("down")
            ours.append(must(deployment.up))
            lag.append(readiness_lag(deployment))
            again.append(must(deployment.up))
            status.append(must(lambda: deployment.run("status")))
            ours_down.append(must(lambda: deployment.run("down")))
        build = [must(lambda: deployment.on_kits("build")) for _ in range(RUNS)]
        poc_up, poc_down = peers.poc(Path(folder))
        builder_up, builder_down = peers.docker_builder(Path(folder), image_of(deployment))
        prepared = peers.deploy_prepare(Path(folder), image_of(deployment))
        deployment.forget()
    return [
        Figure("up to registered", tuple(ours), 1.15, "plain `docker compose up -d`", tuple(plain), why=OURS),
        Figure("up to registered", tuple(ours), 0.3, "`nvflare poc start`", poc_up),
        Figure("up to registered", tuple(ours), 1.0, "DockerBuilder's compose up", builder_up, why=LUCK),
        Figure("up to registered", tuple(ours), 1.0, DEPLOY_PREPARE, prepared),
        Figure("commands from kits to registered", (1.0,), 1.0, DEPLOY_PREPARE, (peers.COMMANDS_PREPARE,), unit=""),
        Figure("last registration to the end of up", tuple(lag), 0.5),
        Figure("second up", tuple(again), 1.5),
        Figure("second build", tuple(build), 1.0),
        Figure("status", tuple(status), 0.7),
        Figure("down", tuple(ours_down), 0.1, "DockerBuilder's compose down", builder_down),
        Figure("down", tuple(ours_down), 0.5, "`nvflare poc stop`", poc_down),
        Figure("down", tuple(ours_down), 1.5),
    ]


def here() -> Path | None:
    """What this machine needs to build images; None where the defaults work."""
    path = os.environ.get("FLARE_COMPOSER_DEFINITION")
    return Path(path) if path else None


def make(folder: Path) -> Deployment:
    """Kits of three participants, their images built."""
    port = free_port()
    deployment = Deployment(folder / "deployment", provision(folder, f"bench{port}", port), here())
    must(lambda: deployment.on_kits("build"))
    return deployment


def must(call: Callable[[], Ended]) -> float:
    """How long a command takes, which must end well."""
    with timed() as watch:
        ended = call()
    assert ended.returncode == 0, ended.err
    return watch.seconds


def plain_up(deployment: Deployment, sites: tuple[str, ...] = SITES) -> float:
    """Plain Compose in the deployment folder, until NVFLARE's clients say that they are registered."""
    marks = [deployment.folder / "workspaces" / site / "composer.state" for site in sites]
    for mark in marks:
        mark.unlink(missing_ok=True)

    def start() -> None:
        ended = run(["docker", "compose", "up", "-d"], cwd=deployment.folder)
        assert ended.returncode == 0, ended.err
        until(lambda: all(mark.exists() and mark.read_text().startswith("registered") for mark in marks))

    return seconds(start)


def readiness_lag(deployment: Deployment) -> float:
    """From the last registration in the server's own log to now, when `up` has just returned."""
    log = (deployment.folder / "workspaces" / "server1" / "log.txt").read_text()
    stamp = re.findall(r"^(\S+ \S+),(\d+) - .*Client: New client \S+ joined", log, re.MULTILINE)[-1]
    joined = time.mktime(time.strptime(stamp[0], "%Y-%m-%d %H:%M:%S")) + int(stamp[1]) / 1000
    return time.time() - joined


def image_of(deployment: Deployment) -> str:
    """An image with the NVFLARE of the kits, for the peers."""
    manifest = json.loads((deployment.folder / "manifest.json").read_text())
    return str(manifest["participants"][0]["image"])
