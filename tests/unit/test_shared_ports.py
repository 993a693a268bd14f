"""A second process on a port of ours, as gRPC's SO_REUSEPORT allows."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from composer.errors import NotHealthy
from composer.manifest import Manifest, parse_manifest
from composer.runtimes.listeners import require_unshared_ports, with_shared_ports
from composer.status import FederationStatus, ParticipantStatus
from tests.conftest import composer, free_port
from tests.kitmaker import Project, provision

LISTEN = """
import socket, sys
one = socket.socket()
one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
one.bind(("0.0.0.0", int(sys.argv[1])))
one.listen()
print("listens", flush=True)
sys.stdin.read()
"""


@contextmanager
def _listening(port: int) -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listens\n"
        yield process.pid
        process.kill()


def _manifest(tmp_path: Path, port: int) -> Manifest:
    target = tmp_path / "deployment"
    ended = composer("generate", provision(tmp_path, Project("2.9")).prod, "-C", target, cwd=tmp_path)
    assert ended.returncode == 0, ended.err
    manifest = parse_manifest((target / "manifest.json").read_text(), target)
    ours = tuple(replace(one, listens=(port,) if one.type == "server" else ()) for one in manifest.participants)
    return replace(manifest, participants=ours)


def _seen(manifest: Manifest) -> FederationStatus:
    server = manifest.started[0]
    row = ParticipantStatus(server.name, "server", "local", "running", "healthy", True, None, 300, server.image)
    return FederationStatus(manifest.federation, (row,))


def test_a_second_process_on_the_servers_port_is_told(tmp_path: Path) -> None:
    port = free_port()
    manifest = _manifest(tmp_path, port)
    with _listening(port) as first, _listening(port) as second:
        with pytest.raises(NotHealthy, match=f"port {port} has several listeners") as told:
            require_unshared_ports(manifest)
        assert str(first) in told.value.message
        assert str(second) in told.value.message
        status = with_shared_ports(_seen(manifest), manifest)
    assert not status.healthy
    assert f"port {port} has several listeners" in status.participants[0].detail


def test_one_process_with_both_families_is_no_second_one(tmp_path: Path) -> None:
    port = free_port()
    manifest = _manifest(tmp_path, port)
    with socket.create_server(("0.0.0.0", port)), socket.create_server(("::1", port), family=socket.AF_INET6):
        require_unshared_ports(manifest)
        assert with_shared_ports(_seen(manifest), manifest).healthy
