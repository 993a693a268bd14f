"""start, stop and restart of single participants over hosts in memory: all others go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.hosts import participants as over_hosts
from composer.model.command import Command
from composer.model.errors import ComposerError, HostError
from composer.usecases import participants
from composer.usecases.generate import generate
from composer.usecases.inputs import Inputs
from tests.fakes.hosts import World, install
from tests.fakes.lifecycle import Memory
from tests.fakes.reporter import Heard
from tests.kitmaker import Project, provision

HOSTS = {"hub": "server1", "ward": "site-1"}


@pytest.fixture(params=[(), ("hub", "ward")], ids=["here", "two hosts"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path / "hosts", {name: Memory() for name in (*request.param, "local")})
    install(world, monkeypatch)
    for module in ("composer.usecases.participants", "composer.hosts.connected"):
        monkeypatch.setattr(f"{module}.lifecycle_of", lambda _, folder: world.lifecycle("local", folder))
    return world


@pytest.fixture
def deployment(world: World, tmp_path: Path) -> Path:
    """Three participants run, each on its host, or here."""
    far = [name for name in world.memories if name != "local"]
    hosts = "".join(
        f"  {name}: {{address: 10.0.0.{number}, endpoint: 'ssh://{name}', path: {world.path(name)}}}\n"
        for number, name in enumerate(far, 2)
    )
    where = ", ".join(f"{HOSTS[name]}: {{host: {name}}}" for name in far)
    definition = tmp_path / "composer.yml"
    definition.write_text(f"hosts:\n{hosts or '  {}'}\nparticipants: {{{where}}}\n")
    inputs = Inputs((provision(tmp_path, Project("2.9")).prod,), definition, tmp_path / "deployment")
    generate(inputs)
    for name, there in wanted(world).items():
        world.memories[name].running = there
    return inputs.deployment


def wanted(world: World) -> dict[str, set[str]]:
    far = {name: {HOSTS[name]} for name in world.memories if name != "local"}
    return {**far, "local": {"server1", "site-1", "site-2"}.difference(*far.values())}


def host_of_site_1(world: World) -> Memory:
    return world.memories["ward" if "ward" in world.memories else "local"]


def test_one_is_stopped_and_the_rest_goes_on(world: World, deployment: Path) -> None:
    assert participants.stop(deployment, ["site-1"]) == ("site-1",)
    assert world.running == {name: there - {"site-1"} for name, there in wanted(world).items()}
    assert participants.stop(deployment, ["site-1"]) == ()
    status = participants.start(deployment, ["site-1"])
    assert [one.name for one in status.participants] == ["site-1"]
    assert status.changed
    assert world.running == wanted(world)


def test_all_are_meant_where_nobody_is_named(world: World, deployment: Path) -> None:
    assert set(participants.stop(deployment)) == {"server1", "site-1", "site-2"}
    assert world.running == {name: set() for name in world.memories}
    assert len(participants.start(deployment).participants) == 3
    assert world.running == wanted(world)


def test_who_runs_already_is_left_alone(world: World, deployment: Path) -> None:
    for memory in world.memories.values():
        memory.asked.clear()
    heard = Heard()
    assert not participants.start(deployment, reporter=heard).changed
    assert not [one for memory in world.memories.values() for one in memory.asked if one == "start_only"]
    assert heard.steps == []


def test_a_restart_names_the_jobs_that_lose_somebody(world: World, deployment: Path) -> None:
    host_of_site_1(world).jobs.add("1234")
    heard = Heard()
    assert participants.restart(deployment, ["site-1"], heard).changed
    assert heard.warnings == ["job 1234 has not ended, and loses site-1"]
    assert world.running == wanted(world)


def test_what_cannot_be_started_is_as_it_was(world: World, deployment: Path) -> None:
    host_of_site_1(world).fails = {"start_only": ComposerError("the disk is full", "make room")}
    with pytest.raises(ComposerError, match="the disk is full"):
        participants.restart(deployment, ["site-1"])
    assert world.running == wanted(world)


@pytest.mark.parametrize("world", [("hub", "ward")], indirect=True)
def test_nobody_is_stopped_where_a_host_of_theirs_is_away(world: World, deployment: Path) -> None:
    world.away.add("ward")
    with pytest.raises(HostError, match="nobody listens"):
        participants.stop(deployment)
    assert world.running == wanted(world)


@pytest.mark.parametrize(
    ("names", "cause", "hint"),
    [
        (["site1"], "no participant is called site1", "did you mean site-1?"),
        (["admin@nvidia.com"], "admin@nvidia.com is an administrator", "composer admin admin@nvidia.com"),
    ],
)
def test_who_is_none_to_start_is_refused(deployment: Path, names: list[str], cause: str, hint: str) -> None:
    for verb in (participants.start, participants.stop, participants.restart):
        with pytest.raises(ComposerError, match=cause) as told:
            verb(deployment, names)
        assert told.value.hint == hint


def test_a_program_runs_only_where_the_participant_does(
    world: World,
    deployment: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[Command] = []
    monkeypatch.setattr(over_hosts, "attach", lambda command: ran.append(command) or 7)
    assert participants.execute(deployment, "site-1", ["ls"]) == 7
    assert ran == [Command(("in", "site-1", "ls"))]
    participants.stop(deployment, ["site-1"])
    ran.clear()
    with pytest.raises(ComposerError, match="site-1 does not run") as told:
        participants.execute(deployment, "site-1", ["ls"])
    assert told.value.hint == "start it first: composer start site-1"
    assert ran == []
