"""What `up` and `down` say of what they do: nothing more than happens, and restarts before they happen."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from composer.cli import cli
from composer.usecases.inputs import Inputs
from composer.usecases.up import up
from tests.fakes.hosts import World, install
from tests.fakes.lifecycle import Memory
from tests.fakes.reporter import Heard
from tests.kitmaker import Project, provision


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path / "hosts", {"local": Memory()})
    install(world, monkeypatch)
    for module in ("up", "down"):
        monkeypatch.setattr(f"composer.usecases.{module}.lifecycle_of", lambda _, to: world.lifecycle("local", to))
    return world


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return Inputs((provision(tmp_path, Project("2.9")).prod,), None, tmp_path / "deployment")


def of_restarts(heard: Heard) -> list[str]:
    return [warning for warning in heard.warnings if "is restarted" in warning or warning.startswith("job ")]


def test_a_second_up_starts_nobody_and_says_so(world: World, inputs: Inputs) -> None:
    first, second = Heard(), Heard()
    assert up(inputs, first).changed
    assert "Starting 3 participants" in first.steps
    assert not up(inputs, second).changed
    assert not [step for step in second.steps if step.startswith("Starting")]
    assert of_restarts(second) == []
    world.memories["local"].running = {"server1", "site-1"}
    third = Heard()
    assert up(inputs, third).changed
    assert "Starting 1 participant" in third.steps


def test_who_is_restarted_is_named_with_the_reason_and_with_what_it_costs(world: World, inputs: Inputs) -> None:
    up(inputs, Heard())
    memory = world.memories["local"]
    memory.changed = {"site-1": "its settings have changed"}
    memory.jobs = {"1234"}
    memory.asked.clear()
    heard = Heard()
    assert up(inputs, heard).changed
    assert of_restarts(heard) == [
        "site-1 is restarted: its settings have changed",
        "job 1234 has not ended, and loses site-1",
    ]


def test_who_does_not_run_is_not_restarted(world: World, inputs: Inputs) -> None:
    world.memories["local"].changed = {"site-1": "its settings have changed"}
    heard = Heard()
    up(inputs, heard)
    assert of_restarts(heard) == []


def test_the_commands_end_with_what_came_of_them(world: World, inputs: Inputs) -> None:
    def said(*arguments: object) -> str:
        ended = CliRunner().invoke(cli, [str(one) for one in (*arguments, "-C", inputs.deployment)])
        assert ended.exit_code == 0, ended.output
        return ended.stderr.splitlines()[-1]

    assert "is up: 3 participants, all registered" in said("up", *inputs.kits)
    assert "runs already, nothing changed: 3 participants" in said("up", *inputs.kits)
    assert said("down") == "stopped: server1, site-1, site-2"
    assert said("down") == "nothing ran"
    assert (
        said("down", "--purge", "-y") == f"nothing ran; {inputs.deployment} is deleted, with workspaces and job store"
    )
    assert not inputs.deployment.exists()
