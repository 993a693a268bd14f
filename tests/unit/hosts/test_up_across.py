"""`up` and `down` over hosts in memory: what fails on one is taken back there, the others go on, and each is named."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from composer.deployment.manifest import Manifest
from composer.model.errors import ComposerError, CrashLoop, NotHealthy
from composer.model.reporter import Reporter
from composer.system import signals
from composer.system.signals import ENDING, Signalled
from composer.usecases import up as up_module
from composer.usecases.down import down, plan_down
from composer.usecases.inputs import Inputs
from composer.usecases.up import plan_up, up
from tests.conftest import Child, eventually
from tests.fakes.hosts import World, install
from tests.fakes.lifecycle import InMemory, Memory, Seen
from tests.fakes.reporter import Heard
from tests.kitmaker import provision, to_be_run

HOSTS = {"hub": "server1", "ward": "site-1", "clinic": "site-2"}
KEYS = {"hub": "server.key", "ward": "client.key", "clinic": "client.key"}
# What is asked of each host, in this order; whoever fails in BEFORE is left out before anything is started.
BEFORE = ("remember", "running", "require_ready")
SIGNALS = (Signalled(15), Signalled(2), Signalled(1))


def failure() -> ComposerError:
    return ComposerError("the disk is full", "make room")


@pytest.fixture(params=[("hub",), ("hub", "ward", "clinic")], ids=["one host", "three hosts"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The participants of those hosts there, and the others, such as the administrator, on this machine."""
    world = World(tmp_path / "hosts", {name: Memory() for name in (*request.param, "local")})
    install(world, monkeypatch)
    memory = world.memories["local"]
    monkeypatch.setattr(up_module, "lifecycle_of", lambda _, folder: InMemory(memory, folder))
    monkeypatch.setattr("composer.usecases.down.lifecycle_of", lambda _, folder: InMemory(memory, folder))
    return world


@pytest.fixture
def inputs(world: World, tmp_path: Path) -> Inputs:
    far = [name for name in world.memories if name != "local"]
    hosts = "".join(
        f"  {name}: {{address: 10.0.0.{number}, endpoint: 'ssh://{name}', path: {world.path(name)}}}\n"
        for number, name in enumerate(far, 2)
    )
    where = ", ".join(f"{HOSTS[name]}: {{host: {name}}}" for name in far)
    definition = tmp_path / "composer.yml"
    definition.write_text(f"hosts:\n{hosts}participants: {{{where}}}\n")
    return Inputs((provision(tmp_path, to_be_run()).prod,), definition, tmp_path / "deployment")


def wanted(world: World) -> dict[str, set[str]]:
    far = {name: {HOSTS[name]} for name in world.memories if name != "local"}
    return {**far, "local": set(HOSTS.values()).difference(*far.values())}


def runs_nothing(world: World) -> dict[str, set[str]]:
    return {name: set() for name in world.memories}


def start(inputs: Inputs, heard: Heard | None = None) -> Any:
    return up(inputs, heard or Heard(), confirm=lambda _: True)


def test_all_are_up_and_down_again(world: World, inputs: Inputs) -> None:
    seen = start(inputs)
    assert world.running == wanted(world)
    assert {one.name for one in seen.participants if one.registered} == set(HOSTS.values())
    for name in set(world.memories) - {"local"}:
        keys = {path for path in world.delivered(name) if path.endswith(".key")}
        assert keys == {f"kits/{HOSTS[name]}/startup/{KEYS[name]}"}
    down(inputs.deployment)
    assert world.running == runs_nothing(world)


def test_no_key_leaves_this_machine_unless_somebody_agrees(world: World, inputs: Inputs) -> None:
    with pytest.raises(ComposerError, match="would leave this machine, and nobody has agreed"):
        up(inputs)
    assert not (inputs.deployment / "manifest.json").exists()
    assert world.running == runs_nothing(world)
    assert not any(world.delivered(name) for name in HOSTS)


def test_a_plan_says_host_by_host_what_is_to_happen(world: World, inputs: Inputs) -> None:
    far = [name for name in world.memories if name != "local"]
    before = {host.host: host for host in plan_up(inputs).hosts}
    assert {name: set(host.start) for name, host in before.items()} == wanted(world)
    assert {name: host.keys for name, host in before.items() if host.keys} == {name: (HOSTS[name],) for name in far}
    assert world.running == runs_nothing(world)
    assert not any(world.delivered(name) for name in far)
    start(inputs)
    after = plan_up(inputs)
    assert after.write == ()
    assert {host.host: set(host.keep) for host in after.hosts} == wanted(world)
    assert not any(host.keys or host.start or host.restart or host.stop for host in after.hosts)


def test_a_plan_names_the_hosts_of_which_nothing_is_known(world: World, inputs: Inputs) -> None:
    *others, away = [name for name in world.memories if name != "local"]
    world.away = {away}
    if others:
        assert plan_up(inputs).unreachable == {away: f"{away}: nobody listens on its SSH port"}
    else:
        with pytest.raises(ComposerError, match="nobody listens on its SSH port"):
            plan_up(inputs)


@pytest.mark.parametrize("step", [*BEFORE, "start"])
def test_what_fails_on_one_host_is_taken_back_there(world: World, inputs: Inputs, step: str) -> None:
    *others, failing = [name for name in world.memories if name != "local"]
    world.memories[failing].fails = {step: failure()}
    with pytest.raises(ComposerError, match=f"{failing}: .*the disk is full|the disk is full"):
        start(inputs)
    assert world.running[failing] == set()
    assert {name: world.running[name] for name in others} == {name: wanted(world)[name] for name in others}
    world.memories[failing].fails = {}
    start(inputs)
    assert world.running == wanted(world)


def test_a_host_that_takes_no_images_is_not_started(world: World, inputs: Inputs) -> None:
    world.refuses = {"hub": failure()}
    with pytest.raises(ComposerError, match="the disk is full"):
        start(inputs)
    assert world.running["hub"] == set()
    assert not world.delivered("hub")


def test_a_host_that_is_away_is_named_and_the_others_start(world: World, inputs: Inputs) -> None:
    *_, away = [name for name in world.memories if name != "local"]
    world.away = {away}
    with pytest.raises(ComposerError, match=f"{away}: nobody listens on its SSH port"):
        start(inputs)
    assert world.running[away] == set()
    world.away = set()
    start(inputs)
    assert world.running == wanted(world)


@pytest.mark.parametrize("step", [*BEFORE, "start", "observe"])
@pytest.mark.parametrize("signal", SIGNALS, ids=str)
def test_a_signal_takes_all_of_it_back(
    world: World, inputs: Inputs, step: str, signal: Signalled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signals come to the main thread, which waits for those of the hosts."""
    from composer.hosts import parallel

    on_each = parallel.on_each

    def interrupted(names: Any, work: Any, seconds: float | None = None) -> Any:
        outcomes = on_each(names, work, seconds)
        if armed and any(step in memory.asked for name, memory in world.memories.items() if name in HOSTS):
            armed.clear()
            raise signal
        return outcomes

    monkeypatch.setattr("composer.hosts.connected.on_each", interrupted)
    armed = [True]
    with pytest.raises(Signalled) as caught:
        start(inputs)
    assert caught.value is signal
    assert world.running == runs_nothing(world)
    start(inputs)
    assert world.running == wanted(world)


def test_who_ran_before_runs_after_a_signal(world: World, inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    start(inputs)
    before = wanted(world)

    def signalled(self: Seen, *_: Any) -> None:
        raise Signalled(15)

    with monkeypatch.context() as patch:
        patch.setattr("composer.hosts.starting.wait_until_federated", signalled)
        with pytest.raises(Signalled):
            start(inputs)
    assert world.running == before


def test_who_is_late_goes_on(world: World, inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: Any) -> None:
        raise NotHealthy("site-1 has not registered after 1 s", "they go on trying")

    monkeypatch.setattr("composer.hosts.starting.wait_until_federated", late)
    with pytest.raises(NotHealthy, match="site-1 has not registered"):
        start(inputs)
    assert world.running == wanted(world)


def test_a_dry_run_of_down_names_who_would_be_stopped(world: World, inputs: Inputs) -> None:
    start(inputs)
    planned = plan_down(inputs.deployment)
    assert {host.host: set(host.stop) for host in planned.hosts} == wanted(world)
    assert world.running == wanted(world)
    *_, away = [name for name in world.memories if name != "local"]
    world.away = {away}
    if len(world.memories) > 2:
        assert plan_down(inputs.deployment).unreachable == {away: f"{away}: nobody listens on its SSH port"}


def test_down_stops_all_that_can_be_reached_and_names_who_cannot(world: World, inputs: Inputs) -> None:
    start(inputs)
    world.memories["hub"].fails = {"stop": failure()}
    with pytest.raises(ComposerError, match="the disk is full"):
        down(inputs.deployment)
    assert {name for name, running in world.running.items() if running} == {"hub"}
    world.memories["hub"].fails = {}
    down(inputs.deployment)
    assert world.running == runs_nothing(world)


def test_a_purge_takes_keys_away_from_every_host(world: World, inputs: Inputs) -> None:
    start(inputs)
    down(inputs.deployment, purge=True, confirm=lambda _: True)
    assert not any(world.delivered(name) for name in HOSTS)
    assert not inputs.deployment.exists()


@pytest.mark.parametrize("ends", ["start", "crashes"])
@pytest.mark.parametrize("number", ENDING)
def test_a_signal_that_comes_while_one_host_is_taken_back_ends_the_others_too(
    ends: str, number: int, world: World, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, failing = [name for name in world.memories if name != "local"]
    heard, came = Heard(), []

    def roll_back(self: InMemory, manifest: Manifest, reporter: Reporter) -> None:
        # Once: it comes before all is taken back.
        if not came:
            came.append(number)
            os.kill(os.getpid(), number)
            eventually(lambda: "what was started is being taken back: please wait" in heard.warnings, 10)
        undo(self, manifest, reporter)

    def crashes(*_: Any) -> None:
        raise CrashLoop(f"{HOSTS[failing]} crashes again and again", "read its log", [HOSTS[failing]])

    undo = InMemory.roll_back
    monkeypatch.setattr(InMemory, "roll_back", roll_back)
    if ends == "crashes":
        monkeypatch.setattr("composer.hosts.starting.wait_until_federated", crashes)
    else:
        world.memories[failing].fails = {"start": failure()}
    with signals_raised(), pytest.raises(Signalled) as caught:
        start(inputs, heard)
    assert caught.value.number == number
    assert world.running == runs_nothing(world)
    told = "crashes again and again" if ends == "crashes" else f"{failing}: the disk is full"
    assert [one for one in heard.warnings if told in one]


@contextmanager
def signals_raised() -> Iterator[None]:
    """Let signals do for the time of the block what they do where composer is a command."""
    former = {number: signal.getsignal(number) for number in ENDING}
    signals.install()
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("undo", ["settle", "roll_back"])
@pytest.mark.parametrize("error", [failure(), OSError(28, "No space left on device")], ids=["told", "not foreseen"])
def test_what_cannot_be_put_in_order_hides_no_cause(
    undo: str, error: Exception, world: World, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither that somebody is late nor that nothing was started, and it keeps no other host from its turn."""

    def late(*_: Any) -> None:
        raise NotHealthy("site-1 has not registered after 1 s", "they go on trying")

    def fails(*_: Any) -> None:
        raise ComposerError("nothing can be seen", "look")

    ending, told = (late, "has not registered") if undo == "settle" else (fails, "nothing can be seen")
    monkeypatch.setattr("composer.hosts.starting.wait_until_federated", ending)
    for memory in world.memories.values():
        memory.fails = {undo: error}
    heard = Heard()
    with pytest.raises(ComposerError, match=told):
        start(inputs, heard)
    busy = [name for name, names in wanted(world).items() if names]
    assert all(undo in world.memories[name].asked for name in busy)
    assert len([one for one in heard.warnings if "disk is full" in one or "No space left" in one]) == len(busy)


def test_what_cannot_be_put_in_order_does_not_end_a_start_that_went_well(world: World, inputs: Inputs) -> None:
    world.memories["hub"].fails = {"settle": failure()}
    heard = Heard()
    start(inputs, heard)
    assert world.running == wanted(world)
    assert [one for one in heard.warnings if "the disk is full" in one]


def test_nobody_is_started_over_who_runs_there_in_another_way(world: World, inputs: Inputs) -> None:
    """Nobody would know how to stop them afterwards, so that nothing is started on other hosts, either."""
    start(inputs)
    down(inputs.deployment)
    (folder,) = world.path("hub").glob("*")
    workspace = folder / "workspaces" / "server1"
    environment = {**os.environ, "FLARE_WORKSPACE": str(workspace)}
    with Child(["sleep", "600"], env=environment) as process:
        (workspace / "composer.supervisor").write_text(f"{process.pid}\n")
        with pytest.raises(ComposerError, match="hub: server1 runs there in another way than runtime: docker"):
            start(inputs)
        assert world.running == runs_nothing(world)
        world.memories["hub"].asked.clear()
        down(inputs.deployment)
        process.kill()
    assert world.memories["hub"].asked[-1] == "leave"
