"""`up` and `down` on a runtime in memory: whatever ends them, what ran before goes on, and the first error is told."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from composer.cli import run
from composer.model.errors import ComposerError, NotHealthy
from composer.system.signals import Signalled
from composer.usecases import up as up_module
from composer.usecases.build import build, plan_build
from composer.usecases.down import down
from composer.usecases.generate import generate, plan_generate
from composer.usecases.inputs import Inputs
from composer.usecases.up import plan_up, up
from tests.fakes.lifecycle import InMemory, Memory, Seen
from tests.fakes.reporter import Heard
from tests.kitmaker import provision, to_be_run

NAMES = {"server1", "site-1", "site-2"}
LOOKS = ("require_tools", "reserved", "remember", "require_startable", "running", "stale", "changes")
BEFORE = (*LOOKS, "find_locks", "build", "pull", "require_ready")
AFTER = ("start", "observe")
FAILURES = {
    "an error": ComposerError("the disk is full", "make room"),
    "a bug": RuntimeError("a bug"),
    "SIGTERM": Signalled(15),
    "Ctrl-C": Signalled(2),
}
# What nobody foresees where it happens.
SYSTEM = {"a reader that has gone": BrokenPipeError(), "a full disk": OSError(28, "No space left on device")}


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory(stale=set(NAMES))
    monkeypatch.setattr(up_module, "lifecycle_of", lambda _, folder: InMemory(memory, folder))
    monkeypatch.setattr("composer.usecases.down.lifecycle_of", lambda _, folder: InMemory(memory, folder))
    return memory


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return Inputs((provision(tmp_path, to_be_run()).prod,), None, tmp_path / "deployment")


def test_all_are_up_and_down_again(memory: Memory, inputs: Inputs) -> None:
    assert {one.name for one in up(inputs).participants if one.registered} == memory.running == NAMES
    assert memory.asked == [*BEFORE, "start", "observe", "settle"]
    down(inputs.deployment)
    assert memory.running == set()


@pytest.mark.parametrize("what", ["an error", "SIGTERM", "Ctrl-C"])
def test_who_is_left_when_down_is_cut_short_is_named(memory: Memory, inputs: Inputs, what: str) -> None:
    up(inputs)
    memory.running, memory.fails = {"server1"}, {"stop": FAILURES[what]}
    heard = Heard()
    with pytest.raises(type(FAILURES[what])):
        down(inputs.deployment, heard)
    assert heard.warnings == ["not stopped yet: server1; end them with: composer down"]


@pytest.mark.parametrize("what", FAILURES)
@pytest.mark.parametrize("step", BEFORE)
def test_a_failure_before_the_start_changes_nothing_that_runs(
    memory: Memory, inputs: Inputs, step: str, what: str
) -> None:
    memory.running, memory.fails = {"site-1"}, {step: FAILURES[what]}
    with pytest.raises(type(FAILURES[what])) as caught:
        up(inputs)
    assert caught.value is FAILURES[what]
    assert memory.running == {"site-1"}
    assert not {"start", "roll_back"} & set(memory.asked)


@pytest.mark.parametrize("what", [*FAILURES, *SYSTEM])
@pytest.mark.parametrize("step", AFTER)
def test_a_failure_after_it_takes_back_what_was_started(memory: Memory, inputs: Inputs, step: str, what: str) -> None:
    failure = {**FAILURES, **SYSTEM}[what]
    memory.running, memory.fails = {"site-1"}, {step: failure}
    with pytest.raises(type(failure)) as caught:
        up(inputs)
    assert caught.value is failure
    assert memory.running == {"site-1"}
    assert memory.asked[-1] == "roll_back"
    # The next one needs nothing else.
    memory.fails, memory.asked = {}, []
    up(inputs)
    assert memory.running == NAMES


def test_who_is_not_registered_in_time_goes_on(memory: Memory, inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(self: Seen, *_: Any) -> None:
        raise NotHealthy("site-1 has not registered after 1 s", "they go on trying")

    monkeypatch.setattr(Seen, "observe", late)
    with pytest.raises(NotHealthy):
        up(inputs)
    assert memory.running == NAMES
    assert memory.asked[-1] == "settle"


def test_a_dry_run_starts_and_writes_nothing(memory: Memory, inputs: Inputs) -> None:
    planned = plan_up(inputs)
    (here,) = planned.hosts
    assert (set(here.start), here.keep, here.stop) == (NAMES, (), ())
    assert "docker-compose.yml" in planned.write
    assert not inputs.deployment.exists()
    assert "find_locks" not in memory.asked
    assert "observe" not in memory.asked


def test_who_is_not_among_the_kits_ends_only_where_somebody_agrees(memory: Memory, inputs: Inputs) -> None:
    memory.running = {"site-9"}
    with pytest.raises(ComposerError, match="site-9 runs in this deployment"):
        up(inputs)
    assert memory.running == {"site-9"}
    up(inputs, remove=lambda _: True)
    assert memory.running == NAMES


def test_what_is_to_happen_is_known_before_it_does(memory: Memory, inputs: Inputs) -> None:
    memory.running = {"server1", "site-1", "site-9"}
    memory.stale, memory.changed = {"server1"}, {"site-1": "its settings have changed", "site-2": "it has, too"}
    (here,) = plan_up(inputs).hosts
    # What is not stale is not pinned anew.
    assert "find_locks" not in memory.asked
    assert here.images == ("server1",)
    assert here.start == ("site-2",)
    assert here.restart == {"server1": "its image is made anew", "site-1": "its settings have changed"}
    assert (here.keep, here.stop) == ((), ("site-9",))
    memory.stale, memory.changed = set(), {}
    (here,) = plan_up(inputs).hosts
    assert (here.restart, set(here.keep)) == ({}, {"server1", "site-1"})
    assert memory.running == {"server1", "site-1", "site-9"}
    assert not inputs.deployment.exists()


@pytest.mark.parametrize("step", LOOKS)
def test_an_up_that_is_refused_writes_nothing(memory: Memory, inputs: Inputs, step: str) -> None:
    memory.fails = {step: FAILURES["an error"]}
    with pytest.raises(ComposerError):
        up(inputs)
    assert [path.name for path in inputs.deployment.glob("*")] in ([], [".lock"])


def test_data_that_is_not_there_is_told_before_anything_is_built_or_written(
    memory: Memory, inputs: Inputs, tmp_path: Path
) -> None:
    definition = tmp_path / "composer.yml"
    definition.write_text(f"participants: {{site-1: {{data: [{{source: {tmp_path}/gone, target: /data}}]}}}}\n")
    with pytest.raises(ComposerError, match=f"site-1 is to see {tmp_path}/gone, which is not there"):
        up(replace(inputs, definition=definition))
    assert not {"build", "start"} & set(memory.asked)
    assert [path.name for path in inputs.deployment.glob("*")] in ([], [".lock"])


def test_a_release_of_nvflare_that_is_not_known_is_told(memory: Memory, inputs: Inputs, tmp_path: Path) -> None:
    definition = tmp_path / "composer.yml"
    definition.write_text("runtime: process\nimage: {nvflare: 2.10.0}\nparticipants: {site-1: {shm_size: 1g}}\n")
    heard = Heard()
    up(replace(inputs, definition=definition), heard)
    said = "\n".join(heard.warnings)
    assert "NVFLARE 2.10.0 is of a release that this composer does not know; it is taken for 2.9" in said
    assert "site-1: without containers shm_size has no effect" in said


@pytest.mark.parametrize("use_case", [up, plan_up, generate, plan_generate, build, plan_build])
def test_what_runs_otherwise_is_asked_for_once(
    use_case: Callable[[Inputs], object], memory: Memory, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr("composer.usecases.build.lifecycle_of", lambda _, folder: InMemory(memory, folder))
    monkeypatch.setattr("composer.runtimes.other.supervised_services", lambda folder: asked.append(folder) or ())
    use_case(inputs)
    assert asked == [inputs.deployment]


def test_an_administrator_alone_starts_nobody_and_is_told_what_to_do(
    memory: Memory, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    seen = up(replace(inputs, kits=(inputs.kits[0] / "admin@nvidia.com",)), heard)
    assert (seen.participants, seen.healthy, memory.running) == ((), True, set())
    assert not any(step.startswith(("Starting", "Waiting")) for step in heard.steps)
    monkeypatch.setattr(up_module, "up", lambda *_, **__: seen)
    ended = CliRunner().invoke(run.up, ["-C", str(inputs.deployment)])
    assert ended.exit_code == 0
    assert "nobody is to be started here" in ended.output
    assert "composer admin" in ended.output


def test_the_kits_of_an_archive_lie_beside_those_that_run_until_nobody_runs_with_them(
    memory: Memory, inputs: Inputs, tmp_path: Path
) -> None:
    """A container goes on with the folder that it was started with, and finds an empty one where that is deleted."""

    def archive() -> Inputs:
        packed = shutil.make_archive(str(tmp_path / "kits"), "gztar", inputs.kits[0].parent, "prod_00")
        return replace(inputs, kits=(Path(packed),))

    def kits() -> set[Path]:
        return set((inputs.deployment / "kits").iterdir())

    up(archive())
    former, inodes = kits(), {path.stat().st_ino for path in kits()}
    note = inputs.kits[0] / "site-1" / "local" / "note.txt"
    note.write_text("renewed")
    generate(archive())
    assert former < kits()
    assert {path.stat().st_ino for path in former} == inodes
    compose = (inputs.deployment / "docker-compose.yml").read_text()
    (renewed,) = kits() - former
    assert str(renewed) in compose
    memory.fails = {"start": FAILURES["an error"]}
    with pytest.raises(ComposerError):
        up(archive())
    assert former < kits()
    memory.fails = {}
    up(archive())
    assert renewed in kits()
    assert len(kits()) == len(former)
