"""A hundred sites on one machine: starting, looking, idling and stopping, against plain Compose on the same folder."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.bench.federation import here, must, plain_up
from tests.bench.figure import Figure, timed
from tests.bench.generate import provision
from tests.conftest import Deployment, free_port, run

SITES = 100
RUNS = 2
FLOOR = "the same Compose is in it; 0.8 CPU-seconds a site are NVFLARE's, 39 s on two cores"
SETTLED_SECONDS = 30
# Docker looks at each container once in this time (composer/render/compose.py).
HEALTH_SECONDS = 150


def figures() -> list[Figure]:
    """Composer's and plain Compose's turns alternate."""
    sites = tuple(f"site-{n}" for n in range(1, SITES + 1))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        port = free_port()
        prod = provision(Path(folder) / "kits", SITES, name=f"hundred{port}", port=port)
        deployment = Deployment(Path(folder) / "deployment", prod, here())
        must(lambda: deployment.on_kits("build"))
        up, plain, down, plain_down = [], [], [], []
        for run_ in range(RUNS):
            plain.append(plain_up(deployment, sites))
            plain_down.append(compose_seconds(deployment, "down"))
            up.append(must(lambda: deployment.up("--timeout", "600")))
            if run_ < RUNS - 1:
                down.append(must(lambda: deployment.run("down")))
        status = [must(lambda: deployment.run("status")) for _ in range(5)]
        listed = [compose_seconds(deployment, "ps") for _ in range(5)]
        watched = busy_share(HEALTH_SECONDS)
        (deployment.folder / "compose.override.yml").write_text(without_healthchecks(sites))
        must(lambda: deployment.up("--timeout", "600"))
        unwatched = busy_share(HEALTH_SECONDS / 2)
        down.append(must(lambda: deployment.run("down")))
        deployment.forget()
    return [
        Figure("100 sites: up to registered", tuple(up), 1.0, "plain `docker compose up -d`", tuple(plain), why=FLOOR),
        Figure("100 sites: status", tuple(status), 2.0, "`docker compose ps`", tuple(listed)),
        Figure("100 sites: status", tuple(status), 3.0),
        Figure("100 sites: down", tuple(down), 1.2, "`docker compose down`", tuple(plain_down)),
        Figure("100 sites, idle: what health checks add", (max(watched - unwatched, 0),), 5, unit="% of a core"),
    ]


def compose_seconds(deployment: Deployment, *arguments: str) -> float:
    """How long plain Compose takes in the deployment folder."""
    with timed() as watch:
        ended = run(["docker", "compose", *arguments], cwd=deployment.folder)
    assert ended.returncode == 0, ended.err
    return watch.seconds


def busy_share(seconds: float) -> float:
    """Per cent of one core that the whole machine is busy, over a while that begins when all has settled."""
    time.sleep(SETTLED_SECONDS)
    before, began = _busy_ticks(), time.monotonic()
    time.sleep(seconds)
    # proc_stat(5): ticks of a hundredth of a second.
    return (_busy_ticks() - before) / (time.monotonic() - began)


def _busy_ticks() -> int:
    user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return user + nice + system + irq + softirq


def without_healthchecks(services: tuple[str, ...]) -> str:
    """An override that switches them off."""
    return "services:\n" + "".join(f"  {name}: {{healthcheck: {{disable: true}}}}\n" for name in ("server1", *services))
