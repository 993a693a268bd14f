"""`up` ends with 3, and `status` calls nobody well, where somebody else listens on the port of a server here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from composer.model.errors import NotHealthy
from composer.model.status import FederationStatus, ParticipantStatus
from composer.usecases import status as status_module
from composer.usecases import up as up_module
from composer.usecases.inputs import Inputs, deployed
from composer.usecases.status import status
from composer.usecases.up import up
from tests.fakes.lifecycle import InMemory, Memory
from tests.kitmaker import Project, provision

NAMES = {"server1", "site-1", "site-2"}
TOLD = "port 8002 has several listeners: python3 (process 1), python3 (process 2)"


@pytest.fixture
def holders(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[str, ...]]:
    """Who listens on a port of this machine."""
    held: dict[int, tuple[str, ...]] = {8002: ("python3 (process 1)",)}
    monkeypatch.setattr("composer.runtimes.listeners.holders_of", lambda port: held.get(port, ()))
    return held


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory(stale=set(NAMES))
    monkeypatch.setattr(up_module, "lifecycle_of", lambda _, folder: InMemory(memory, folder))
    return memory


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return Inputs((provision(tmp_path, Project("2.9")).prod,), None, tmp_path / "deployment")


def test_up_tells_it_and_ends_nobody(memory: Memory, inputs: Inputs, holders: dict[int, tuple[str, ...]]) -> None:
    up(inputs)
    holders[8002] += ("python3 (process 2)",)
    with pytest.raises(NotHealthy) as told:
        up(inputs)
    assert told.value.message == f"server1: {TOLD}"
    assert told.value.hint
    assert memory.running == NAMES


def test_status_shows_it(
    memory: Memory, inputs: Inputs, holders: dict[int, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    up(inputs)
    rows = (
        ParticipantStatus(name, kind, "local", "running", "healthy", True, None, 300, "")
        for name, kind in (("server1", "server"), ("site-1", "client"), ("site-2", "client"))
    )
    seen = FederationStatus("fedx", tuple(rows))
    monkeypatch.setattr(status_module.watch, "status", lambda *_: seen)
    assert status(inputs.deployment).healthy
    holders[8002] += ("python3 (process 2)",)
    now = status(inputs.deployment)
    assert not now.healthy
    assert {one.name: one.detail for one in now.participants} == {"server1": TOLD, "site-1": "", "site-2": ""}
    # What is published is Docker's to open, and nobody's who does not run.
    manifest = replace(deployed(inputs.deployment), publish="0.0.0.0")
    monkeypatch.setattr(status_module, "deployed", lambda _: manifest)
    assert status(inputs.deployment).healthy
