"""A job of a site joins the server's port, which gRPC shares with every process of the same user: it is told.

Here all are on this machine and on its own network, where every process is looked at.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Child, Deployment, eventually, free_port, provision

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

JOIN = """
import socket, sys
one = socket.socket()
one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
one.bind(("0.0.0.0", int(sys.argv[1])))
one.listen()
print("listens", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def shared(engine: None, definition: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A federation whose kits say grpc, as those of older releases do."""
    folder, port = tmp_path_factory.mktemp("shared"), free_port()
    kits = provision(folder, f"shared{port}", port, "grpc")
    deployment = Deployment(folder / "deployment", kits, definition)
    with deployment.running():
        yield deployment


def test_a_job_of_a_site_that_joins_the_port_of_the_server_is_told(shared: Deployment) -> None:
    manifest = json.loads((shared.folder / "manifest.json").read_text())
    (port,) = next(one for one in manifest["participants"] if one["type"] == "server")["listens"]
    assert shared.run("status").returncode == 0
    argv = ["docker", "exec", "--interactive", shared.container("site-1"), "python3", "-c", JOIN, str(port)]
    with Child(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == b"listens\n"
        status = shared.run("status", "--json")
        again = shared.up()
        listener.communicate()
    assert status.returncode == 3, status.err
    rows = {row["name"]: row for row in json.loads(status.out)["participants"]}
    # Connections are dealt out to both, so it may be told that the other one has answered, too.
    assert rows["server1"]["health"] == "unhealthy"
    assert f"port {port} has several listeners: " in rows["server1"]["detail"]
    assert again.returncode == 3, again.err
    assert "server1" in again.err
    assert "Traceback" not in again.err
    eventually(lambda: bool(shared.status()["healthy"]), 60)
    ended = shared.up()
    assert ended.returncode == 0, ended.err
