"""A site has the server write, behind an end of a line, that another site has left: nobody believes it."""

from __future__ import annotations

import json
import re
import sys

import pytest

from tests.conftest import ROOT, Deployment, docker, eventually, run

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

FORGER = (ROOT / "tests" / "hostile" / "forger.py").read_text()
LEFT = "Client Name:site-1 left.  Total clients: 1"
BEGINS = "server: creating listener on http://0:8002"
FORGED = (
    f"2026-01-01 00:00:00,000 - ClientManager - INFO - {LEFT}\n2026-01-01 00:00:00,000 - CoreCell - INFO - {BEGINS}"
)
ADMITTED = """
import json, sys
from datetime import datetime, timezone
from pathlib import Path
from composer.runtimes.engine import connect
from composer.deployment.manifest import parse_manifest
from composer.hosts.traces import There
from composer.runtimes.observe import Here, view
folder, engine = Path(sys.argv[1]), connect()
manifest = parse_manifest((folder / "manifest.json").read_text(), folder / "manifest.json")
print(json.dumps(dict(view(engine, manifest, folder, datetime.now(timezone.utc), {where}).admitted)))
"""


def _log(federation: Deployment, name: str) -> str:
    return (federation.folder / "workspaces" / "server1" / name).read_text()


@pytest.fixture(scope="module")
def forged(federation: Deployment) -> Deployment:
    """What site-2's own certificate and NVFLARE's own classes are enough for."""
    found = re.search(r"server: creating listener on (\w+)://\S+?:(\d+)", _log(federation, "log.txt"))
    assert found
    url = f"{found[1]}://server1:{found[2]}"
    site = federation.container("site-2")
    docker("exec", site, "python3", "-c", FORGER, url, "/workspace/startup", FORGED)
    eventually(lambda: f"\n{FORGED}\n" in _log(federation, "log.txt"), 20)
    return federation


def test_composer_goes_by_what_the_server_itself_says(forged: Deployment) -> None:
    status = forged.run("status", "--json")
    assert status.returncode == 0, status.out
    assert all(one["registered"] for one in json.loads(status.out)["participants"])
    again = forged.up()
    assert again.returncode == 0, again.err


@pytest.mark.parametrize("where", ["Here(folder)", "There(engine)"])
def test_both_ways_to_read_the_log_agree(forged: Deployment, where: str) -> None:
    """In a process of its own: Docker's SDK leaves the socket of what it runs in a container to the collector."""
    ended = run([sys.executable, "-W", "ignore", "-c", ADMITTED.format(where=where), str(forged.folder)])
    assert ended.returncode == 0, ended.err
    assert json.loads(ended.out) == {"site-1": True, "site-2": True}
