"""The runtimes' contract on the fakes, and what the one for Docker takes back, on an engine in memory."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from composer.deployment.manifest import Manifest
from composer.deployment.recorded import read_manifest, read_started
from composer.model.errors import ComposerError
from composer.runtimes.docker_lifecycle import DockerLifecycle
from composer.usecases.down import down, plan_down
from composer.usecases.generate import generate
from composer.usecases.inputs import Inputs
from tests.authority import key
from tests.contract import hold_to_the_contract
from tests.fakes.engine import MemoryEngine, failed
from tests.fakes.lifecycle import InMemory, Memory
from tests.fakes.reporter import Heard
from tests.kitmaker import Provisioned

NAMES = {"server1", "site-1", "site-2"}


def test_the_fake_holds_to_the_contract(manifest: Manifest, deployment: Path) -> None:
    memory = Memory()
    hold_to_the_contract(lambda: InMemory(memory, deployment), manifest, watch_until_registered=True)


def test_containers_hold_to_the_contract(engine: MemoryEngine, manifest: Manifest, deployment: Path) -> None:
    hold_to_the_contract(lambda: DockerLifecycle(deployment), manifest, watch_until_registered=False)


def started(deployment: Path, manifest: Manifest) -> DockerLifecycle:
    one = DockerLifecycle(deployment)
    one.remember()
    one.start(manifest, Heard())
    one.settle(manifest)
    return one


def test_who_is_paused_is_not_started_over_and_can_be_stopped(
    engine: MemoryEngine, manifest: Manifest, deployment: Path
) -> None:
    started(deployment, manifest)
    for id_, one in list(engine.there.items()):
        if one.participant == "site-1":
            engine.there[id_] = replace(one, state="paused")
    again = DockerLifecycle(deployment)
    assert set(again.running(manifest)) == NAMES
    with pytest.raises(ComposerError, match="site-1 is paused by somebody"):
        again.require_startable(manifest)
    (here,) = plan_down(deployment).hosts
    assert set(here.stop) == NAMES
    down(deployment)
    assert engine.there == {}


def test_who_runs_with_a_certificate_that_was_renewed_is_started_anew(
    engine: MemoryEngine, manifest: Manifest, kits: Provisioned, deployment: Path
) -> None:
    """The new kit lies where the former one was: no path has changed."""
    started(deployment, manifest)
    kits.reissue(kits.kit("site-1"), "client", key("another"))
    again = generate(Inputs((kits.prod,), None, deployment)).manifest
    one = DockerLifecycle(deployment)
    one.remember()
    coming = {"docker-compose.yml": (deployment / "docker-compose.yml").read_bytes()}
    assert dict(one.changes(again, coming)) == {"site-1": "its settings have changed"}


def changed(deployment: Path, restart: str = "always") -> Path:
    """Let the Compose file say something else of every participant."""
    file = deployment / "docker-compose.yml"
    file.write_text(re.sub('"restart": ".*"', f'"restart": "{restart}"', file.read_text()))
    return file


def again(deployment: Path, manifest: Manifest, heard: Heard) -> None:
    """Start once more, in vain, and take it back."""
    one = DockerLifecycle(deployment)
    one.remember()
    with pytest.raises(ComposerError):
        one.start(manifest, heard)
    one.roll_back(manifest, heard)


@pytest.mark.parametrize("at", ["server1", "site-1", "site-2"])
def test_who_ran_comes_back_as_it_was(at: str, engine: MemoryEngine, manifest: Manifest, deployment: Path) -> None:
    started(deployment, manifest)
    before, files = {one.service: one.configuration for one in engine.there.values()}, read_started(deployment)
    changed(deployment)
    engine.fails = {f"up {at}": failed("no space left")}
    heard = Heard()
    # Compose is asked for the former ones when nothing fails any more.
    one = DockerLifecycle(deployment)
    one.remember()
    with pytest.raises(ComposerError, match="no space left"):
        one.start(manifest, heard)
    engine.fails = {}
    one.roll_back(manifest, heard)
    assert engine.running() == NAMES
    assert {one.service: one.configuration for one in engine.there.values()} == before
    assert read_started(deployment) == files
    assert heard.warnings == []


class Killed(BaseException):
    """Nothing of the command is done any more, as after a kill -9."""


def killed(deployment: Path, manifest: Manifest, engine: MemoryEngine, at: str) -> None:
    """Start, and be killed before Compose has done anything, or when it has come to somebody."""
    one = DockerLifecycle(deployment)
    one.remember()
    with pytest.MonkeyPatch.context() as patch:
        if not at:
            patch.setattr("composer.runtimes.docker_lifecycle.perform", raises(Killed()))
        patch.setattr(engine, "fails", {f"up {at}": Killed()})
        with pytest.raises(Killed):
            one.start(manifest, Heard())
    # What Compose has asked the engine for comes about.
    engine.there = {id_: replace(one, state="running") for id_, one in engine.there.items()}


def raises(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("at", ["", "server1", "site-2"])
@pytest.mark.parametrize("before", [[], [""], ["site-1"]], ids=["once", "twice", "twice, in the midst"])
def test_what_a_killed_start_leaves_is_known_by_what_runs(
    before: list[str], at: str, engine: MemoryEngine, manifest: Manifest, deployment: Path
) -> None:
    """The files are kept before Compose is given them, and it may have made nobody anew from them, or some, or all."""
    started(deployment, manifest)
    file = deployment / "docker-compose.yml"
    for number, moment in enumerate([*before, at]):
        changed(deployment, f"always {number}")
        killed(deployment, manifest, engine, moment)
    runs = {one.service: one.configuration for one in engine.there.values()}
    one = DockerLifecycle(deployment)
    one.remember()
    told = set(one.changes(manifest, {"docker-compose.yml": file.read_bytes()}))
    assert told == {"": NAMES, "server1": NAMES - {"server1"}, "site-2": set()}[at]
    changed(deployment, "always again")
    engine.fails = {"up site-2": failed("no space left")}
    with pytest.raises(ComposerError):
        one.start(manifest, Heard())
    engine.fails, heard = {}, Heard()
    one.roll_back(manifest, heard)
    assert {one.service: one.configuration for one in engine.there.values()} == runs
    assert engine.running() == NAMES
    assert heard.warnings == []
    started(deployment, manifest)
    assert len(read_started(deployment)) == 1
    last = DockerLifecycle(deployment)
    last.remember()
    assert not last.changes(manifest, {"docker-compose.yml": file.read_bytes()})


def test_who_cannot_be_brought_back_is_named_where_nothing_says_what_they_ran_from(
    engine: MemoryEngine, manifest: Manifest, deployment: Path
) -> None:
    started(deployment, manifest)
    shutil.rmtree(deployment / ".started")
    changed(deployment)
    engine.fails, heard = {"up site-1": failed("no space left")}, Heard()
    again(deployment, manifest, heard)
    assert heard.warnings == ["server1, site-1 ran before and cannot be brought back: composer up"]
    assert engine.running() == {"site-2"}
    assert read_started(deployment) == ()
    engine.fails = {}
    started(deployment, manifest)
    assert engine.running() == NAMES


def test_the_new_ones_go_where_nothing_ran(engine: MemoryEngine, manifest: Manifest, deployment: Path) -> None:
    engine.fails = {"up site-2": failed("no space left")}
    again(deployment, manifest, Heard())
    assert engine.there == {}


@pytest.mark.parametrize("undo", ["remove", "name_image", "up server1", "containers_of"])
def test_what_cannot_be_taken_back_is_said_and_the_rest_is(
    undo: str, engine: MemoryEngine, manifest: Manifest, deployment: Path
) -> None:
    started(deployment, manifest)
    changed(deployment)
    heard = Heard()
    one = DockerLifecycle(deployment)
    one.remember()
    engine.fails = {"up site-2": failed("no space left")}
    with pytest.raises(ComposerError):
        one.start(manifest, heard)
    engine.fails = {undo: ComposerError("the engine is busy", "wait")}
    one.roll_back(manifest, heard)
    if undo == "containers_of":
        # Who is there is not known, so nobody is removed.
        assert {one.participant for one in engine.there.values()} >= {"server1", "site-1"}
    assert all("not everything could be taken back: the engine is busy" in warning for warning in heard.warnings)
    assert heard.warnings


def test_who_cannot_be_started_is_named(engine: MemoryEngine, manifest: Manifest, deployment: Path) -> None:
    engine.cannot_start = {"site-1": "could not select device driver"}
    one = DockerLifecycle(deployment)
    one.remember()
    with pytest.raises(ComposerError) as caught:
        one.start(manifest, Heard())
    told = one.explain(caught.value, manifest)
    assert str(told) == "site-1 cannot be started: could not select device driver"
    bug = RuntimeError("a bug")
    assert one.explain(bug, manifest) is bug


def test_whom_the_engine_did_not_create_is_named(engine: MemoryEngine, manifest: Manifest, deployment: Path) -> None:
    one = DockerLifecycle(deployment)
    one.remember()
    told = one.explain(failed("Error response from daemon: no such device"), manifest)
    assert str(told) == "server1 or site-1 or site-2 cannot be started: no such device"


@pytest.mark.parametrize("look", ["containers_of", "containers"])
def test_a_failure_is_told_though_its_cause_cannot_be_found(
    look: str, engine: MemoryEngine, manifest: Manifest, deployment: Path
) -> None:
    one = DockerLifecycle(deployment)
    one.remember()
    first = failed("no space left")
    engine.fails = {look: ComposerError("the engine is away", "start it")}
    told = one.explain(first, manifest)
    assert "no space left" in str(told)


def test_who_cannot_be_brought_back_is_named(engine: MemoryEngine, manifest: Manifest, deployment: Path) -> None:
    """Whom `docker compose up` has started: composer has no copy of what from."""
    started(deployment, manifest)
    for path in (deployment / ".started").iterdir():
        path.unlink()
    changed(deployment)
    engine.fails = {"up site-2": failed("no space left")}
    heard = Heard()
    again(deployment, manifest, heard)
    assert any("ran before and cannot be brought back: composer up" in warning for warning in heard.warnings)


def test_somebody_elses_project_is_left_alone(engine: MemoryEngine, manifest: Manifest, deployment: Path) -> None:
    one = started(deployment, manifest)
    theirs = {"deployment": "/srv/theirs"}
    for id_, container in list(engine.there.items()):
        engine.there[id_] = type(container)(**{**vars(container), **theirs})
    for act in (lambda: one.running(manifest), lambda: one.stop(manifest, Heard(), dry_run=False)):
        refused(act, "is not of this deployment")
    assert engine.running() == NAMES


def refused(act: Callable[[], object], why: str) -> None:
    with pytest.raises(ComposerError, match=why):
        act()


def test_the_manifest_is_what_lies_there(manifest: Manifest, deployment: Path) -> None:
    assert read_manifest(deployment) == manifest
