"""Where host networking is not allowed: the same kits on a bridge, and two federations side by side."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Child, Deployment, composer, docker, eventually, free_port, provision
from tests.docker.faults.stack import PARTICIPANTS, containers, healthy, inspect, stack

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

_LISTEN = """
import socket, sys
one = socket.socket()
one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
one.bind(("0.0.0.0", int(sys.argv[1])))
one.listen()
print("listens", flush=True)
sys.stdin.read()
"""


def bridged(folder: Path, definition: Path | None, address: str) -> Path:
    text = definition.read_text() if definition else ""
    chosen = folder / "composer.yml"
    chosen.write_text(f"{text}\nnetwork: bridge\npublish: {address}\n")
    return chosen


@pytest.fixture(scope="module")
def neighbours(
    engine: None, definition: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Deployment, Deployment]]:
    """Two projects on bridges whose servers have the same port, published on different addresses."""
    port = free_port()
    both = []
    for address, scheme in (("127.0.0.21", "grpc"), ("127.0.0.22", "http")):
        folder = tmp_path_factory.mktemp("bridge")
        kits = provision(folder, f"bridge{port}-{address[-2:]}", port, scheme)
        both.append(Deployment(folder / "deployment", kits, bridged(folder, definition, address)))
    try:
        for one in both:
            ended = one.up()
            assert ended.returncode == 0, ended.err
        yield both[0], both[1]
    finally:
        for one in both:
            one.run("down")


def test_both_are_federated_and_published_where_their_users_chose(neighbours: tuple[Deployment, Deployment]) -> None:
    for one, address in zip(neighbours, ("127.0.0.21", "127.0.0.22"), strict=True):
        assert healthy(one)
        host = inspect(one, "server1")["HostConfig"]
        assert host["NetworkMode"] == f"{one.compose_project}_default"
        (published,) = [binding for bindings in host["PortBindings"].values() for binding in bindings]
        assert published["HostIp"] == address
        with socket.create_connection((address, int(published["HostPort"])), timeout=5):
            pass
        assert inspect(one, "site-1")["HostConfig"]["PortBindings"] in ({}, None)
        assert composer("hosts", one.kits, "-f", str(one.definition)).out == f"{address} server1\n"


def test_an_admin_reaches_the_server(neighbours: tuple[Deployment, Deployment]) -> None:
    for one in neighbours:
        ended = one.run("admin", "--", "--format", "json", "system", "status", cwd=one.folder.parent)
        assert ended.returncode == 0, ended.err
        clients = json.loads(ended.out)["data"]["clients"]
        assert sorted(client["client_name"] for client in clients) == ["site-1", "site-2"]


def test_a_job_that_listens_on_the_servers_port_is_told(neighbours: tuple[Deployment, Deployment]) -> None:
    """In a bridge nobody else is in the server's network; gRPC lets its own jobs join the port."""
    one, other = neighbours
    (port,) = json.loads((one.folder / "manifest.json").read_text())["participants"][0]["listens"]
    server = one.container("server1")
    with Child(
        ["docker", "exec", "--interactive", server, "python3", "-c", _LISTEN, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == b"listens\n"
        ended = one.run("status", "--json")
        assert other.run("status").returncode == 0
        listener.communicate()
    assert ended.returncode == 3, ended.err
    (row,) = (row for row in json.loads(ended.out)["participants"] if row["name"] == "server1")
    assert (row["state"], row["health"]) == ("running", "unhealthy")
    assert row["detail"].count(" of its container)") == 2
    assert row["detail"].startswith(f"port {port} has several listeners: ")
    eventually(lambda: healthy(one), 60)


def test_one_comes_and_goes_without_the_other(neighbours: tuple[Deployment, Deployment]) -> None:
    first, second = neighbours
    before = containers(second)
    assert first.run("down").returncode == 0
    assert docker("network", "ls", "--quiet", "--filter", f"name={first.compose_project}_default") == ""
    assert containers(second) == before
    assert healthy(second)
    assert first.up().returncode == 0
    assert containers(second) == before


def test_two_projects_on_host_networking_side_by_side(definition: Path | None, tmp_path: Path, engine: None) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    with stack(folders[0], definition) as first, stack(folders[1], definition) as second:
        before = containers(first)
        assert len(before) == len(PARTICIPANTS)
        assert healthy(first)
        assert healthy(second)
        assert second.run("down").returncode == 0
        assert containers(first) == before
        assert healthy(first)


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ("publish: 127.0.0.1\n", "with host networking nothing is published"),
        ("network: bridge\npublish: here\n", "'here' is no IP address"),
        ("network: macvlan\n", "network"),
    ],
)
def test_what_cannot_be(prod_00: Path, tmp_path: Path, lines: str, cause: str) -> None:
    chosen = tmp_path / "composer.yml"
    chosen.write_text(lines)
    ended = composer("generate", prod_00, "-f", chosen, "-C", tmp_path / "deployment")
    assert ended.returncode == 1
    assert cause in ended.err
    assert not (tmp_path / "deployment").exists()


def test_a_server_that_is_dialled_at_localhost_needs_host_networking(tmp_path: Path) -> None:
    kits = provision(tmp_path, "loopback", free_port())
    for path in kits.rglob("fed_client.json"):
        path.write_text(path.read_text().replace("server1:", "localhost:"))
    chosen = tmp_path / "composer.yml"
    chosen.write_text("network: bridge\n")
    refused = composer("generate", kits, "-f", chosen, "-C", tmp_path / "deployment")
    assert refused.returncode == 1
    assert "localhost, which on a bridge is each container itself" in refused.err
