"""What `doctor` looks at, and in which order it tells it, on a runtime and on hosts in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from composer.model.errors import ComposerError
from composer.usecases import doctor as module
from composer.usecases.doctor import Machine, doctor
from composer.usecases.inputs import Inputs
from tests.fakes.hosts import World, install
from tests.fakes.lifecycle import InMemory, Memory
from tests.kitmaker import Project, provision


class Broken(InMemory):
    """A runtime whose tools are missing and whose engine does not answer."""

    def tools(self) -> dict[str, Callable[[], None]]:
        def missing() -> None:
            raise ComposerError("Docker Compose v2 is not installed", "install docker-compose-plugin")

        return {"COMPOSE": missing}


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory()
    monkeypatch.setattr(module, "lifecycle_of", lambda _, folder: InMemory(memory, folder))
    return memory


def ids(inputs: Inputs) -> list[str]:
    return [one.id for one in doctor(inputs)]


def test_a_machine_without_kits(memory: Memory, tmp_path: Path) -> None:
    assert "ENGINE" not in ids(Inputs((), None, tmp_path / "deployment"))
    memory.fails = {"remember": ComposerError("no Docker engine answers", "start Docker")}
    found = doctor(Inputs((), None, tmp_path / "deployment"))
    assert [(one.id, one.severity, one.message, one.fix) for one in found if one.id == "ENGINE"] == [
        ("ENGINE", "error", "no Docker engine answers", "start Docker")
    ]


def test_errors_come_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    memory = Memory(fails={"remember": ComposerError("no Docker engine answers", "start Docker")})
    monkeypatch.setattr(module, "lifecycle_of", lambda _, folder: Broken(memory, folder))
    prod = provision(tmp_path, Project("2.9")).prod
    found = doctor(Inputs((prod,), None, tmp_path / "deployment"))
    severities = [one.severity for one in found]
    assert severities == sorted(severities, key=lambda one: one != "error")
    assert {one.id for one in found if one.severity == "error"} >= {"COMPOSE", "ENGINE"}


def test_who_runs_is_known_so_that_its_ports_are_no_finding(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    looked: list[Machine] = []
    monkeypatch.setattr(module, "examine_machine", lambda machine: looked.append(machine) or [])
    memory.running = {"server1", "somebody else"}
    inputs = Inputs((provision(tmp_path, Project("2.9")).prod,), None, tmp_path / "deployment")
    assert doctor(inputs) == ()
    assert looked[0].running == {"server1"}


def test_other_hosts_are_looked_at_too(memory: Memory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    world = World(tmp_path / "hosts", away={"ward"})
    install(world, monkeypatch)
    definition = tmp_path / "composer.yml"
    definition.write_text(
        f"hosts: {{ward: {{address: 10.0.0.2, endpoint: 'ssh://ward', path: {tmp_path}/far}}}}\n"
        "participants: {site-1: {host: ward}}\n"
    )
    inputs = Inputs((provision(tmp_path, Project("2.9")).prod,), definition, tmp_path / "deployment")
    told = {one.message for one in doctor(inputs) if one.id == "HOST" and one.severity == "error"}
    assert "ward: nobody listens on its SSH port" in told
