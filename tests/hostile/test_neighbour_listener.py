"""A neighbour on the machine sends a shell command to the port that a participant opens for its own jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, Deployment, docker, run

pytestmark = [pytest.mark.docker, pytest.mark.nvflare, pytest.mark.usefixtures("engine")]

STRANGER = (ROOT / "tests" / "hostile" / "stranger.py").read_text()
KEY = "PRIVATE KEY"


@pytest.fixture(scope="module")
def neighbours(
    prod_00: Path, definition: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """A federation in which site-2 has chosen to have its listener in the clear, as NVFLARE provisions it."""
    folder = tmp_path_factory.mktemp("neighbours")
    (folder / "own").mkdir()
    clear = {"scheme": "tcp", "resources": {"host": "localhost", "connection_security": "clear"}}
    (folder / "own/comm_config.json").write_text(json.dumps({"internal": clear}))
    document = yaml.safe_load(definition.read_text()) if definition else {}
    document["participants"] = {"site-2": {"local": str(folder / "own")}}
    chosen = folder / "composer.yml"
    chosen.write_text(yaml.safe_dump(document))
    deployment = Deployment(folder / "deployment", prod_00, chosen)
    with deployment.running():
        yield deployment


def _listeners(deployment: Deployment, service: str) -> list[tuple[str, int]]:
    """Return address and port of all that a participant listens on, by its processes' own sockets."""
    program = """
import os
held = set()
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        held |= {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    except OSError:
        pass
for row in list(open("/proc/net/tcp"))[1:]:
    part = row.split()
    if part[3] == "0A" and f"socket:[{part[9]}]" in held:
        print(*part[1].split(":"))
"""
    out = docker("exec", deployment.container(service), "python3", "-c", program)
    found = [line.split() for line in out.splitlines()]
    return [(".".join(str(one) for one in reversed(bytes.fromhex(where))), int(port, 16)) for where, port in found]


def _from_another_container(deployment: Deployment, service: str, port: int) -> str:
    container = deployment.container("site-1" if service == "site-2" else "site-2")
    ended = run(["docker", "exec", container, "python3", "-c", STRANGER, "127.0.0.1", str(port), service])
    return ended.out + ended.err


def _as_another_account(deployment: Deployment, service: str, port: int) -> str:
    """With nothing but the host's network: no kit, no group, a user id of nobody's."""
    image = docker("inspect", "--format", "{{.Config.Image}}", deployment.container("site-1")).strip()
    options = ["--rm", "--network", "host", "--user", "65534:65534", "--env", "HOME=/tmp", "--entrypoint", "python3"]
    ended = run(["docker", "run", *options, image, "-c", STRANGER, "127.0.0.1", str(port), service])
    return ended.out + ended.err


def test_the_attack_reads_the_key_where_the_listener_is_as_nvflare_provisions_it(neighbours: Deployment) -> None:
    ((_, port),) = _listeners(neighbours, "site-2")
    assert KEY in _from_another_container(neighbours, "site-2", port)
    assert KEY in _as_another_account(neighbours, "site-2", port)


def test_nobody_opens_a_port_but_the_servers(neighbours: Deployment) -> None:
    kinds = {row["name"]: row["type"] for row in neighbours.status()["participants"]}
    server = next(name for name, kind in kinds.items() if kind == "server")
    (port,) = json.loads((neighbours.folder / "manifest.json").read_text())["participants"][0]["listens"]
    assert {found for _, found in _listeners(neighbours, server)} == {port}
    assert _listeners(neighbours, "site-1") == []
