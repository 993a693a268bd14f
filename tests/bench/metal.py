"""Without Docker: ``runtime: process`` against NVFLARE's own ways, and what packing many bundles takes."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tests.bench import peers
from tests.bench.federation import must
from tests.bench.figure import Figure
from tests.conftest import Deployment, composer, free_port, provision
from tests.kitmaker import Project
from tests.kitmaker import provision as make_kits

RUNS = 5
MANY = 50
HEAD_START = "0.2 s of Python, and 0.2 s that sites leave to the server: by hand a start that is unlucky takes 3.5 s"


def figures() -> list[Figure]:
    """All of them."""
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        deployment = _deployment(folder)
        up, down = [], []
        for _ in range(RUNS):
            up.append(must(deployment.up))
            down.append(must(lambda: deployment.run("down")))
        hand = peers.by_hand(folder)
        poc_up, _ = peers.poc(folder)
        packed = _packed(folder)
    return [
        Figure("up without Docker", tuple(up), 1.2, "the processes by hand", hand, why=HEAD_START),
        Figure("up without Docker", tuple(up), 0.4, "`nvflare poc start`", poc_up),
        Figure("down without Docker", tuple(down), 2.0),
        Figure(f"bundles of {MANY} participants", packed, 20.0, note="without wheels"),
    ]


def _deployment(folder: Path) -> Deployment:
    port = free_port()
    definition = folder / "composer.yml"
    definition.write_text("runtime: process\n")
    deployment = Deployment(folder / "deployment", provision(folder, f"bench{port}", port), definition)
    must(lambda: deployment.on_kits("build"))
    return deployment


def _packed(folder: Path) -> tuple[float, ...]:
    clients = tuple(f"site-{number}" for number in range(MANY - 1))
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    made = make_kits(folder / "many", Project("2.9", clients=clients, begins=yesterday))
    return tuple(
        must(lambda to=folder / f"out-{n}": composer("bundle", made.prod, "-o", to, "--runtime", "process", cwd=folder))  # type: ignore[misc]
        for n in range(RUNS)
    )
