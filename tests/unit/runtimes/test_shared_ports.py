"""A second process on a port of ours, as gRPC's SO_REUSEPORT allows."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from composer.deployment.manifest import DeployedParticipant, Manifest, parse_manifest
from composer.model.errors import ComposerError, NotHealthy
from composer.model.status import FederationStatus, ParticipantStatus, State
from composer.runtimes.engine import Engine
from composer.runtimes.engine_answers import Container
from composer.runtimes.listeners import (
    listeners_there,
    require_unshared_ports,
    told_of_listeners,
    with_shared_ports,
)
from tests.conftest import Child, composer, free_port, run
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
    with Child([sys.executable, "-c", LISTEN, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
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


class _Engine(Engine):
    """An engine whose containers are this machine, or say what they are told to."""

    def __init__(self, status: int = 0, said: str | None = None) -> None:
        self.status, self.said, self.asked = status, said, 0

    def run_in(self, container: str, *argv: str) -> tuple[int, str]:
        assert container == "there"
        self.asked += 1
        if self.said is not None:
            return self.status, self.said
        ended = run(argv)
        return ended.returncode, ended.out + ended.err


class _Away(_Engine):
    def run_in(self, container: str, *argv: str) -> tuple[int, str]:
        raise ComposerError(f"no {container} for {argv[0]}", "")


def _participant(*ports: int) -> DeployedParticipant:
    end = datetime.now(timezone.utc)
    kit = Path("kit")
    return DeployedParticipant(
        "relay", "relay", "relay", kit, "", "", 0, "", "mtls", ports, "", "", "", "", "", end, "hub"
    )


def _container(state: State = "running") -> Container:
    return Container(
        "there", "", "", "", "", "", "", "", "", "", "", state, "healthy", 0, None, restarts=0, one_off=False
    )


def test_a_container_tells_of_a_second_process_there() -> None:
    port = free_port()
    with _listening(port) as first:
        assert listeners_there(_Engine(), _participant(port), _container()) == ""
        with _listening(port) as second:
            told = listeners_there(_Engine(), _participant(free_port(), port), _container())
    assert told.startswith(f"port {port} has several listeners: ")
    for process in (first, second):
        assert f"(process {process} of its container)" in told
    assert "outside" not in told


def test_a_process_that_shares_its_port_with_itself_is_no_second_one() -> None:
    """As gRPC does, which listens once a core, on both families."""
    port = free_port()
    kinds = [(socket.AF_INET, "127.0.0.1")] * 3 + [(socket.AF_INET6, "::1")]
    with ExitStack() as opened:
        for family, address in kinds:
            one = opened.enter_context(socket.socket(family))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind((address, port))
            one.listen()
        assert listeners_there(_Engine(), _participant(port), _container()) == ""


def test_who_is_outside_of_the_container_is_told_without_a_name() -> None:
    told = listeners_there(_Engine(said="8002 7 python3\n8002 outside\n"), _participant(8002), _container())
    assert told == "port 8002 has several listeners: python3 (process 7 of its container), one outside of its container"


@pytest.mark.parametrize(
    "said",
    ["", "8002", "8003 outside\n", "outside\n", "8002 outside 1\n", "8002 x y\n", "Traceback\n" * 99, "9" * 2**20],
)
def test_what_is_no_line_of_ours_is_not_shown(said: str) -> None:
    assert listeners_there(_Engine(said=said), _participant(8002), _container()) == ""


def test_what_a_container_says_is_bounded_and_printable() -> None:
    said = f"8002 7 \x1b[2J{'x' * 100}\u202e\n" * 10_000
    told = listeners_there(_Engine(said=said), _participant(8002), _container())
    assert told.isprintable()
    assert len(told) < 3_000


def test_a_look_that_fails_does_not_pass_for_a_port_of_its_own() -> None:
    told = listeners_there(_Engine(137, "8002 outside"), _participant(8002), _container())
    assert told == "it cannot be seen who listens on port 8002 (status 137)"
    assert listeners_there(_Away(), _participant(8002), _container()) == ""


def test_nobody_is_asked_who_opens_no_port_or_does_not_run() -> None:
    engine = _Engine(said="8002 outside")
    assert listeners_there(engine, _participant(), _container()) == ""
    assert listeners_there(engine, _participant(8002), _container("exited")) == ""
    assert listeners_there(engine, _participant(8002), None) == ""
    assert engine.asked == 0


def test_who_does_not_run_is_not_told_of_listeners() -> None:
    row = ParticipantStatus("relay", "relay", "hub", "running", "healthy", True, None, 300, "", detail="slow")
    assert told_of_listeners(row, "") == row
    told = told_of_listeners(row, "several")
    assert (told.health, told.detail, told.well) == ("unhealthy", "several; slow", False)
    gone = replace(row, state="exited")
    assert told_of_listeners(gone, "several") == gone
