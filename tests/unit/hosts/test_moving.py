"""Who moves to another host, and hosts that are left, on engines in memory; what is delivered is real."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from composer.deployment.recorded import read_manifest
from composer.model.errors import ComposerError, CrashLoop, NotHealthy
from composer.runtimes.docker_lifecycle import DockerLifecycle
from composer.system.signals import Signalled
from composer.usecases import up as up_module
from composer.usecases.down import down
from composer.usecases.inputs import Inputs
from composer.usecases.status import status
from composer.usecases.up import up
from tests.authority import Authority
from tests.fakes.engine import BEGAN, failed
from tests.fakes.hosts import World, install
from tests.fakes.reporter import Heard
from tests.kitmaker import provision, to_be_run

NAMES = ("server1", "site-1", "site-2")
FIRST = {"site-1": "ward", "site-2": "clinic"}
KEY = "kits/site-1/startup/client.key"


class Moving:
    """A deployment whose participants are here or on hosts, as each `up` says."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder, self.heard = world, folder, Heard()
        self.deployment = folder / "deployment"
        self.kits = provision(folder, to_be_run()).prod

    def up(self, where: Mapping[str, str]) -> Any:
        names = dict.fromkeys(where.values())
        hosts = "".join(
            f"  {name}: {{address: 10.0.0.{number}, endpoint: 'ssh://{name}', path: {self.world.path(name)}}}\n"
            for number, name in enumerate(names, 2)
        )
        placed = ", ".join(f"{one}: {{host: {name}}}" for one, name in where.items())
        definition = self.folder / "composer.yml"
        definition.write_text(f"hosts:\n{hosts}participants: {{{placed}}}\n" if hosts else "{}\n")
        self.heard = Heard()
        inputs = Inputs((self.kits,), definition, self.deployment)
        return up(inputs, self.heard, confirm=lambda _: True)

    @property
    def running(self) -> dict[str, set[str]]:
        return {name: there for name, there in self.world.running.items() if there}

    def left(self) -> list[str]:
        manifest = read_manifest(self.deployment)
        assert manifest
        return [host.name for host in manifest.left]


@pytest.fixture
def moving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Moving:
    """A server here, and a site on each of two hosts; whoever runs is registered."""
    world = World(tmp_path / "hosts")
    install(world, monkeypatch)
    states = dict.fromkeys(NAMES, b"registered 2026-01-31T00:00:00Z\n")
    for name in ("local", "ward", "clinic", "annex"):
        world.engines[name].states = states
    monkeypatch.setattr(up_module, "lifecycle_of", lambda _, folder: world.lifecycle("local", folder))
    monkeypatch.setattr("composer.usecases.down.lifecycle_of", lambda _, folder: world.lifecycle("local", folder))
    monkeypatch.setattr("composer.runtimes.observe.unreachable", lambda _: "")
    monkeypatch.setattr("composer.runtimes.observe.registered_since", lambda *_: BEGAN)
    monkeypatch.setattr(DockerLifecycle, "find_locks", lambda *_: {})
    monkeypatch.setattr(DockerLifecycle, "build", lambda *_: ())
    monkeypatch.setattr(DockerLifecycle, "require_tools", lambda _: None)
    monkeypatch.setattr(DockerLifecycle, "facts", lambda _: None)
    made = Moving(world, tmp_path)
    made.up(FIRST)
    assert made.running == {"local": {"server1"}, "ward": {"site-1"}, "clinic": {"site-2"}}
    return made


def test_all_are_seen(moving: Moving) -> None:
    seen = {one.name: (one.host, one.state, one.registered) for one in status(moving.deployment).participants}
    assert seen == {
        "server1": ("local", "running", True),
        "site-1": ("ward", "running", True),
        "site-2": ("clinic", "running", True),
    }
    moving.world.away = {"ward"}
    (away,) = (one for one in status(moving.deployment).participants if one.name == "site-1")
    assert (away.state, away.registered, away.detail) == ("unknown", False, "ward: nobody listens on its SSH port")


def test_who_moves_is_removed_from_where_it_was(moving: Moving) -> None:
    moving.up({"site-1": "clinic", "site-2": "clinic", "server1": "ward"})
    assert moving.running == {"ward": {"server1"}, "clinic": {"site-1", "site-2"}}
    assert KEY not in moving.world.delivered("ward")
    assert KEY in moving.world.delivered("clinic")
    moving.up(FIRST)
    assert moving.running == {"local": {"server1"}, "ward": {"site-1"}, "clinic": {"site-2"}}


def cannot_start(world: World) -> None:
    world.engines["annex"].fails = {"up site-1": failed("no space left")}


def is_away(world: World) -> None:
    world.away = {"annex"}


def takes_no_images(world: World) -> None:
    world.refuses = {"annex": ComposerError("annex: the disk is full", "make room")}


@pytest.mark.parametrize("trouble", [cannot_start, is_away, takes_no_images])
def test_who_cannot_move_goes_on_where_it_runs(trouble: Callable[[World], None], moving: Moving) -> None:
    trouble(moving.world)
    with pytest.raises(ComposerError, match=r"no space left|nobody listens|the disk is full"):
        moving.up({"site-1": "annex", "site-2": "clinic", "server1": "ward"})
    assert "site-1" in moving.running["ward"]
    assert "annex" not in moving.running
    assert KEY in moving.world.delivered("ward")
    moving.world.away, moving.world.refuses, moving.world.engines["annex"].fails = set(), {}, {}
    moving.up({"site-1": "annex", "site-2": "clinic", "server1": "ward"})
    assert moving.running == {"ward": {"server1"}, "clinic": {"site-2"}, "annex": {"site-1"}}
    assert KEY not in moving.world.delivered("ward")


@pytest.mark.parametrize("ends", [Signalled(15), RuntimeError("a bug")])
def test_whatever_ends_the_move_brings_back_who_ran(
    ends: BaseException, moving: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object) -> None:
        raise ends

    before = moving.running
    with monkeypatch.context() as patch:
        patch.setattr("composer.hosts.starting.wait_until_federated", end)
        with pytest.raises(type(ends)):
            moving.up({"site-1": "clinic", "site-2": "clinic"})
    if isinstance(ends, Signalled):
        assert moving.running == before
    assert "site-1" in moving.running["ward"]
    assert any(step.startswith("site-1 runs on ward") for step in moving.heard.steps)


def test_who_is_late_in_the_new_place_has_moved(moving: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object) -> None:
        raise NotHealthy("site-1 has not registered after 1 s", "they go on trying")

    monkeypatch.setattr("composer.hosts.starting.wait_until_federated", late)
    with pytest.raises(NotHealthy):
        moving.up({"site-1": "clinic", "site-2": "clinic"})
    assert moving.running == {"local": {"server1"}, "clinic": {"site-1", "site-2"}}


@pytest.mark.parametrize("late", [True, False])
def test_a_record_that_cannot_be_written_hides_nothing(
    late: bool, moving: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That nobody is on a host any more is known again at the next `up`; who is late, and why, is not."""

    def not_healthy(*_: object) -> None:
        raise NotHealthy("site-1 has not registered after 1 s", "they go on trying")

    def full(*_: object) -> None:
        raise ComposerError("cannot write manifest.json: No space left on device", "make room there")

    with monkeypatch.context() as patch:
        patch.setattr("composer.deployment.recorded.record", full)
        if late:
            patch.setattr("composer.hosts.starting.wait_until_federated", not_healthy)
        with pytest.raises(NotHealthy, match="has not registered") if late else nullcontext():
            moving.up({"site-2": "clinic"})
    assert [one for one in moving.heard.warnings if one.startswith("cannot write manifest.json")]
    assert moving.running == {"local": {"server1", "site-1"}, "clinic": {"site-2"}}
    assert moving.left() == ["ward"]
    moving.up({"site-2": "clinic"})
    assert moving.left() == []


def test_who_cannot_be_brought_back_is_said(moving: Moving) -> None:
    cannot_start(moving.world)
    moving.world.engines["ward"].cannot_start = {"site-1": "no such device"}
    with pytest.raises(ComposerError, match="no space left"):
        moving.up({"site-1": "annex", "site-2": "clinic", "server1": "ward"})
    assert "site-1 could not be brought back on ward: no such device" in moving.heard.warnings


def test_a_host_that_is_left_keeps_nothing(moving: Moving) -> None:
    moving.up({"site-2": "clinic"})
    assert moving.running == {"local": {"server1", "site-1"}, "clinic": {"site-2"}}
    assert moving.left() == []
    assert KEY not in moving.world.delivered("ward")


def test_a_host_that_is_left_and_away_is_remembered(moving: Moving) -> None:
    moving.world.away = {"ward"}
    moving.up({"site-2": "clinic"})
    assert moving.left() == ["ward"]
    assert any("what ran on ward may still run" in warning for warning in moving.heard.warnings)
    assert moving.running["ward"] == {"site-1"}
    moving.world.away = set()
    moving.up({"site-2": "clinic"})
    assert moving.left() == []
    assert moving.running == {"local": {"server1", "site-1"}, "clinic": {"site-2"}}


def test_down_goes_to_hosts_that_were_left(moving: Moving) -> None:
    moving.world.away = {"ward"}
    moving.up({"site-2": "clinic"})
    moving.world.away = set()
    down(moving.deployment)
    assert moving.running == {}
    assert KEY not in moving.world.delivered("ward")


def test_back_on_one_machine(moving: Moving) -> None:
    moving.up({})
    assert moving.running == {"local": set(NAMES)}
    assert not any(path.endswith(".key") for name in ("ward", "clinic") for path in moving.world.delivered(name))
    down(moving.deployment)
    assert moving.running == {}


def loops(*_: object) -> None:
    raise CrashLoop("site-1 crashes again and again", "read its log", ["site-1"])


def test_who_crashes_on_its_host_is_taken_back_there_alone(moving: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    down(moving.deployment)
    monkeypatch.setattr("composer.hosts.starting.wait_until_federated", loops)
    with pytest.raises(CrashLoop, match="site-1 crashes again and again"):
        moving.up(FIRST)
    assert moving.running == {"local": {"server1"}, "clinic": {"site-2"}}
    assert moving.world.engines["ward"].there == {}


def test_who_crashes_in_a_new_place_goes_on_where_it_ran(moving: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("composer.hosts.starting.wait_until_federated", loops)
    with pytest.raises(CrashLoop):
        moving.up({"site-1": "annex", "site-2": "annex"})
    assert moving.running == {"local": {"server1"}, "ward": {"site-1"}, "clinic": {"site-2"}}
    assert moving.world.engines["annex"].there == {}


def test_down_ends_all_though_the_manifest_cannot_be_written(moving: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    moving.world.away = {"ward"}
    moving.up({"site-2": "clinic"})
    moving.world.away = set()

    def full(*_: object) -> None:
        raise ComposerError("cannot write manifest.json: No space left on device", "make room there")

    monkeypatch.setattr("composer.deployment.recorded.record", full)
    down(moving.deployment)
    assert moving.running == {}


@pytest.mark.parametrize("where", [FIRST, {"site-1": "clinic", "site-2": "ward"}], ids=["stay", "move"])
def test_kits_of_another_authority_replace_none_where_participants_run(
    where: Mapping[str, str], moving: Moving, tmp_path: Path
) -> None:
    def there() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in sorted(moving.world.folder.rglob("*")) if path.is_file()}

    before, running = there(), moving.running
    project = to_be_run()
    name = read_manifest(moving.deployment).federation  # type: ignore[union-attr]
    other = replace(project, name=name, authority=Authority(name, project.begins, label="another"))
    moving.kits = provision(tmp_path / "anew", other).prod
    with pytest.raises(ComposerError, match="the kits are of another authority than those with which"):
        moving.up(where)
    assert there() == before
    assert moving.running == running
