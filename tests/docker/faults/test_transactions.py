"""A start that fails or is interrupted leaves what was there before, and two composers never mix."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import COMPOSER, Deployment, docker, eventually
from tests.docker.faults.stack import (
    PARTICIPANTS,
    containers,
    healthy,
    inspect,
    leftovers,
    refused,
    started,
    wait_for_line,
)
from tests.terminal import on_terminal

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]


def override(deployment: Deployment, **services: object) -> Path:
    """Write the user's own Compose file."""
    path = deployment.folder / "compose.override.yml"
    path.write_text(json.dumps({"services": services}))
    return path


@pytest.mark.fault(21)
def test_a_third_that_fails_to_start_takes_the_other_two_back(fresh: Deployment) -> None:
    assert fresh.on_kits("build").returncode == 0
    override(fresh, **{"site-2": {"working_dir": "/etc/passwd"}})
    ended = fresh.up()
    assert ended.returncode == 1
    assert re.search(r"error: site-2 cannot be started: .*/etc/passwd", ended.err)
    assert containers(fresh) == {}


@pytest.mark.fault(4)
def test_a_crash_loop_at_the_start_is_taken_back_and_named(fresh: Deployment) -> None:
    assert fresh.on_kits("build").returncode == 0
    override(fresh, **{"site-2": {"command": ["client", "no.such.module"]}})
    ended = fresh.up()
    assert ended.returncode == 3
    assert re.search(r"error: site-2 crashes again and again .*No module named", ended.err)
    assert containers(fresh) == {}


@pytest.mark.fault(21)
def test_what_ran_before_goes_on_after_a_failed_change(well: Deployment) -> None:
    before = containers(well)
    path = override(well, **{"site-2": {"command": ["client", "no.such.module"]}})
    try:
        ended = well.up()
    finally:
        path.unlink()
    assert ended.returncode == 3
    after = containers(well)
    changed = well.container("site-2")
    assert {name: one for name, one in after.items() if name != changed} == {
        name: one for name, one in before.items() if name != changed
    }
    eventually(lambda: healthy(well))


def test_a_changed_participant_is_the_only_one_that_is_made_anew(well: Deployment) -> None:
    before = containers(well)
    path = override(well, **{"site-1": {"environment": {"OMP_NUM_THREADS": "3"}}})
    try:
        assert well.up().returncode == 0
        after = containers(well)
        assert [name for name in before if after[name] != before[name]] == [well.container("site-1")]
        assert "OMP_NUM_THREADS=3" in inspect(well, "site-1")["Config"]["Env"]
    finally:
        path.unlink()
    assert well.up().returncode == 0


@pytest.mark.fault(16)
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["INT", "TERM", "HUP"],
)
def test_an_interrupted_up_takes_back_what_it_started(fresh: Deployment, number: int, status: int) -> None:
    assert fresh.on_kits("build").returncode == 0
    with started(fresh, "up") as process:
        wait_for_line(process, "started")
        # As a terminal sends it: to composer and to whatever it has started.
        os.killpg(process.pid, number)
        assert process.wait(60) == status
    assert containers(fresh) == {}
    assert leftovers(fresh) == []
    assert fresh.up().returncode == 0
    assert healthy(fresh)
    assert fresh.run("down").returncode == 0
    assert containers(fresh) == {}


@pytest.mark.fault(16)
def test_an_interrupt_while_a_running_federation_is_changed(well: Deployment) -> None:
    before = containers(well)
    path = override(well, **{"site-1": {"command": ["client", "http.server", "--bind", "127.0.0.1", "0"]}})
    try:
        with started(well, "up") as process:
            wait_for_line(process, "site-1: started")
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(60) == 130
    finally:
        path.unlink()
    after = containers(well)
    assert sorted(after) == sorted(before)
    assert after[well.container("server1")] == before[well.container("server1")]
    eventually(lambda: healthy(well))


@pytest.mark.fault(16)
def test_a_terminal_that_is_closed_takes_back_what_was_started(well: Deployment) -> None:
    before = containers(well)
    path = override(well, **{"site-1": {"command": ["client", "http.server", "--bind", "127.0.0.1", "0"]}})
    chosen = ["-f", well.definition] if well.definition else []
    try:
        with on_terminal([*COMPOSER, "up", well.kits, "-C", well.folder, *chosen], well.environment) as one:
            # On a terminal, the table of who is registered says that it waits.
            one.read_until("REGISTERED")
            one.close()
            assert one.process.wait(60) == 129
    finally:
        path.unlink()
    after = containers(well)
    assert sorted(after) == sorted(before)
    assert after[well.container("server1")] == before[well.container("server1")]
    assert not (well.folder / ".lock").exists()
    eventually(lambda: healthy(well))


@pytest.mark.fault(16)
@pytest.mark.parametrize("again", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["INT", "TERM", "HUP"])
def test_a_second_signal_waits_until_all_is_taken_back(well: Deployment, again: signal.Signals) -> None:
    before = containers(well)
    path = override(
        well,
        **{
            "site-1": {"command": ["client", "http.server", "--bind", "127.0.0.1", "0"]},
            "server1": {"environment": {"OMP_NUM_THREADS": "3"}},
        },
    )
    try:
        with started(well, "up") as process:
            wait_for_line(process, "site-1: started")
            os.killpg(process.pid, signal.SIGINT)
            wait_for_line(process, "Taking back what was started")
            for _ in range(2):
                os.killpg(process.pid, again)
                time.sleep(0.2)
            said = process.communicate(timeout=60)[1]
            assert process.returncode == 130
    finally:
        path.unlink()
    assert "what was started is being taken back: please wait" in said
    assert sorted(containers(well)) == sorted(before)
    eventually(lambda: healthy(well))


@pytest.mark.fault(16)
def test_an_interrupted_up_after_a_killed_one_loses_nobody(fresh: Deployment) -> None:
    assert fresh.on_kits("build").returncode == 0
    with started(fresh, "up") as process:
        wait_for_line(process, "Waiting")
        process.kill()
        process.wait(10)
    eventually(lambda: len(containers(fresh)) == len(PARTICIPANTS))
    path = override(fresh, **{"site-1": {"environment": {"OMP_NUM_THREADS": "3"}}})
    with started(fresh, "up") as process:
        wait_for_line(process, "Waiting")
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(60) == 143
    path.unlink()
    assert sorted(containers(fresh)) == sorted(fresh.container(one) for one in PARTICIPANTS)
    eventually(lambda: healthy(fresh))


@pytest.mark.fault(16)
def test_what_a_killed_up_had_not_begun_is_not_taken_for_what_runs(well: Deployment, tmp_path: Path) -> None:
    before = containers(well)
    # Kills composer in place of what it asks for.
    shim = tmp_path / "docker"
    shim.write_text(
        f'#!/bin/sh\ncase "$*" in *" up "*) kill -9 "$PPID" ;; *) exec {shutil.which("docker")} "$@" ;; esac\n'
    )
    shim.chmod(0o755)
    path = override(well, **{"site-1": {"environment": {"OMP_NUM_THREADS": "3"}}})
    try:
        beside = {**well.environment, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        assert replace(well, environment=beside).up().returncode == -signal.SIGKILL
        assert containers(well) == before
        (here,) = json.loads(well.up("--dry-run", "--json").out)["hosts"]
        assert list(here["restart"]) == ["site-1"]
        with started(well, "up") as process:
            wait_for_line(process, "Waiting")
            os.killpg(process.pid, signal.SIGTERM)
            assert process.wait(60) == 143
    finally:
        path.unlink()
    assert sorted(containers(well)) == sorted(before)
    assert "OMP_NUM_THREADS=3" not in inspect(well, "site-1")["Config"]["Env"]
    assert [path.name for path in (well.folder / ".started").iterdir()] != ["docker-compose.yml"]
    eventually(lambda: healthy(well))
    assert well.up().returncode == 0
    assert [path.name for path in (well.folder / ".started").iterdir()] == ["docker-compose.yml"]


@pytest.mark.parametrize("command", ["up", "generate"])
def test_one_participants_kit_does_not_end_the_others(well: Deployment, command: str) -> None:
    before = containers(well)
    one = replace(well, kits=well.kits / "site-2")
    ended = one.on_kits(command)
    if command == "up":
        refused(ended, "server1, site-1 run in this deployment, and would be stopped and removed")
        assert "--remove" in ended.err
    else:
        assert ended.returncode == 0, ended.err
        # What a generate leaves out is not forgotten: it runs.
        refused(one.run("up"), "server1, site-1 run in this deployment")
    assert containers(well) == before
    assert well.up().returncode == 0
    assert containers(well) == before


def test_who_was_to_be_removed_comes_back_when_that_is_interrupted(well: Deployment) -> None:
    before = containers(well)
    path = override(well, **{"site-2": {"command": ["client", "http.server", "--bind", "127.0.0.1", "0"]}})
    try:
        with started(replace(well, kits=well.kits / "site-2"), "up", "--remove") as process:
            wait_for_line(process, "site-2: started")
            assert sorted(containers(well)) == [well.container("site-2")]
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(60) == 130
    finally:
        path.unlink()
    assert sorted(containers(well)) == sorted(before)
    assert well.up().returncode == 0
    eventually(lambda: healthy(well))


def test_who_is_not_among_the_kits_is_removed_when_that_is_asked_for(fresh: Deployment) -> None:
    assert fresh.up().returncode == 0
    two = fresh.kits.parent / "two"
    two.mkdir()
    for name in ("server1", "site-1"):
        shutil.copytree(fresh.kits / name, two / name)
    ended = replace(fresh, kits=two).up("--remove")
    assert ended.returncode == 0, ended.err
    assert sorted(containers(fresh)) == [fresh.container("server1"), fresh.container("site-1")]
    shutil.rmtree(two)


@pytest.mark.fault(15)
def test_an_interrupted_build_leaves_no_image_and_no_folder(fresh: Deployment, tmp_path: Path) -> None:
    definition = tmp_path / "composer.yml"
    text = fresh.definition.read_text() if fresh.definition else "image:\n"
    # No layer of another build serves for this one.
    definition.write_text(f"{text}  packages: [tree]\n  environment: {{BUILT: test-{time.time()}}}\n")
    fresh.definition = definition
    with started(fresh, "build", "-v") as process:
        wait_for_line(process, "RUN")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
    assert leftovers(fresh) == []
    project = fresh.kits.parent.name
    assert docker("images", "--quiet", "--filter", f"reference={project}/*") == ""
    assert fresh.on_kits("build").returncode == 0
    assert docker("images", "--quiet", "--filter", f"reference={project}/*") != ""


@pytest.mark.fault(20)
def test_a_second_composer_names_the_first(fresh: Deployment) -> None:
    assert fresh.on_kits("build").returncode == 0
    with started(fresh, "up") as first:
        wait_for_line(first, "Starting")
        for second in (fresh.up(), fresh.run("down"), fresh.on_kits("generate")):
            assert second.returncode == 1
            assert f"(process {first.pid} on " in second.err
            assert "`composer up " in second.err
            assert "--wait" in second.err
        assert first.wait(120) == 0
    assert healthy(fresh)


@pytest.mark.fault(20)
def test_two_ups_and_a_down_at_once_are_as_if_one_came_after_another(fresh: Deployment) -> None:
    assert fresh.on_kits("build").returncode == 0
    with started(fresh, "up") as first:
        wait_for_line(first, "Starting")
        with started(fresh, "up", "--wait") as second:
            wait_for_line(second, "Waiting for `composer up ")
            waited = fresh.run("status", "--json")
            assert waited.returncode in (0, 3), waited.err
            assert first.wait(120) == 0
            assert second.wait(120) == 0
    assert sorted(containers(fresh)) == sorted(fresh.container(one) for one in PARTICIPANTS)
    assert healthy(fresh)
    with started(fresh, "up", "--wait") as third:
        assert fresh.run("down", "--wait").returncode == 0
        assert third.wait(120) == 0
    # Whoever was last has had its way, whole.
    assert sorted(containers(fresh)) in ([], sorted(fresh.container(one) for one in PARTICIPANTS))


@pytest.mark.fault(20)
def test_a_killed_composer_keeps_nobody_out(fresh: Deployment) -> None:
    assert fresh.on_kits("build").returncode == 0
    with started(fresh, "up") as first:
        wait_for_line(first, "Starting")
        first.kill()
        first.wait(10)
    assert (fresh.folder / ".lock").exists()
    assert fresh.up().returncode == 0
    assert healthy(fresh)
    assert not (fresh.folder / ".lock").exists()


@pytest.mark.fault(20)
def test_two_folders_of_one_project_at_once_leave_the_first_ones_federation(fresh: Deployment, tmp_path: Path) -> None:
    other = Deployment(tmp_path / "other", fresh.kits, fresh.definition, fresh.environment)
    assert fresh.on_kits("build").returncode == other.on_kits("build").returncode == 0
    with started(fresh, "up") as one, started(other, "up") as two:
        said = [process.communicate(timeout=200)[1] for process in (one, two)]
    assert sorted((one.returncode, two.returncode)) == [0, 1], said
    winner, loser, told = (fresh, other, said[1]) if one.returncode == 0 else (other, fresh, said[0])
    try:
        assert "Traceback" not in told
        assert re.search(r"error: .*(is at work on|is not of this deployment)", told), told
        assert len(containers(winner)) == len(PARTICIPANTS)
        assert containers(loser) == {}
        assert healthy(winner)
    finally:
        assert winner.run("down").returncode == 0
