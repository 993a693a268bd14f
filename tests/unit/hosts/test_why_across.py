"""``composer why`` where server and sites are on other hosts: what each wrote is read there; who is away is told of."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.model.cause import Cause
from composer.model.errors import ComposerError
from composer.usecases.inputs import Inputs
from composer.usecases.up import up
from composer.usecases.why import why
from tests.fakes.hosts import World, install
from tests.fakes.lifecycle import InMemory, Memory
from tests.fakes.reporter import Heard
from tests.kitmaker import provision, to_be_run

HOSTS = {"hub": "server1", "ward": "site-1", "clinic": "site-2"}
JOB = "131e808f-75af-4fd6-ba8c-3c53bdff6231"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path / "hosts", {name: Memory() for name in (*HOSTS, "local")})
    install(world, monkeypatch)
    for module in ("usecases.up", "hosts.connected"):
        monkeypatch.setattr(
            f"composer.{module}.lifecycle_of", lambda _, folder: InMemory(world.memories["local"], folder)
        )
    return world


@pytest.fixture
def deployment(world: World, tmp_path: Path) -> Path:
    hosts = "".join(
        f"  {name}: {{address: 10.0.0.{number}, endpoint: 'ssh://{name}', path: {world.path(name)}}}\n"
        for number, name in enumerate(HOSTS, 2)
    )
    where = ", ".join(f"{site}: {{host: {name}}}" for name, site in HOSTS.items())
    definition = tmp_path / "composer.yml"
    definition.write_text(f"hosts:\n{hosts}participants: {{{where}}}\n")
    inputs = Inputs((provision(tmp_path, to_be_run()).prod,), definition, tmp_path / "deployment")
    up(inputs, Heard(), confirm=lambda _: True)
    for memory in world.memories.values():
        memory.asked.clear()
    return inputs.deployment


def ids(causes: tuple[Cause, ...]) -> list[tuple[str, str]]:
    return [(cause.about, cause.id) for cause in causes]


def test_the_servers_log_and_a_sites_are_read_on_their_hosts(world: World, deployment: Path) -> None:
    assert why(deployment).causes == ()
    world.memories["ward"].asked.append("site-1")
    world.memories[
        "hub"
    ].server_log = b"2026-11-28 04:40:00,001 - ClientManager - INFO - Reject disabled client registration: site-1\n"
    assert ids(why(deployment).causes) == [("site-1", "DISABLED")]
    world.memories["hub"].server_log = b""
    world.memories["ward"].logs = {"site-1": ("x - ERROR - registration rejected: Maximum number of clients reached",)}
    assert ids(why(deployment).causes) == [("site-1", "LIMIT")]
    # Nobody is told of by what a site writes in another's name.
    world.memories["ward"].logs = {}
    world.memories["clinic"].logs = {"site-2": ("site-1-1  | x - ERROR - registration rejected: no",)}
    assert ids(why(deployment).causes) == [("site-1", "UNKNOWN")]


def test_a_server_begins_anew_and_what_it_said_before_is_over(world: World, deployment: Path) -> None:
    world.memories["ward"].asked.append("site-1")
    world.memories["hub"].server_log = (
        b"2026-11-28 04:40:00,001 - ClientManager - INFO - Reject disabled client registration: site-1\n"
        b"2026-11-28 04:41:00,001 - CoreCell - INFO - server: creating listener on http://0:8002\n"
    )
    assert ids(why(deployment).causes) == [("site-1", "UNKNOWN")]


def test_of_a_job_far_away_the_servers_log_says_why(world: World, deployment: Path) -> None:
    tried = (
        f"2026-11-28 04:37:03,159 - DefaultJobScheduler - INFO - [identity=server, run=?] - Try to schedule job {JOB}"
    )
    world.memories["hub"].server_log = f"{tried}, get result: (connected sites (1) < min_sites (2)).\n".encode()
    assert ids(why(deployment, JOB).causes) == [(JOB, "SITES")]
    with pytest.raises(ComposerError, match="jobs cannot be looked through: the server runs on hub"):
        why(deployment, JOB[:8])


def test_who_is_on_a_host_that_is_away_is_told_of(world: World, deployment: Path) -> None:
    world.away.add("clinic")
    found = why(deployment)
    assert ids(found.causes) == [("site-2", "HOST")]
    assert found.causes[0].evidence == ("it is unknown", "clinic: nobody listens on its SSH port")
    assert found.well == ("server1", "site-1")
