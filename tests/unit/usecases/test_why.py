"""``composer why`` as a user runs it, on a runtime in memory: whom it tells of, how it ends, and what it asks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from composer.cli import cli
from composer.usecases import before_submit
from composer.usecases.admin import admin
from composer.usecases.inputs import Inputs
from composer.usecases.up import up
from tests.fakes.hosts import World, install
from tests.fakes.lifecycle import Memory
from tests.fakes.reporter import Heard
from tests.kitmaker import Project, provision

JOB = "131e808f-75af-4fd6-ba8c-3c53bdff6231"
WAITING = {
    "name": "needy",
    "status": "SUBMITTED",
    "min_clients": 5,
    "submit_time_iso": "2026-11-27T23:32:29.317610+00:00",
    "schedule_history": ["2026-11-28 04:37:03: connected sites (2) < min_sites (5)"],
}


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Memory:
    world = World(tmp_path / "hosts", {"local": Memory()})
    install(world, monkeypatch)
    for module in ("usecases.up", "hosts.connected"):
        monkeypatch.setattr(f"composer.{module}.lifecycle_of", lambda _, to: world.lifecycle("local", to))
    return world.memories["local"]


@pytest.fixture
def deployment(memory: Memory, tmp_path: Path) -> Path:
    folder = tmp_path / "deployment"
    up(Inputs((provision(tmp_path, Project("2.9")).prod,), None, folder), Heard())
    return folder


def why(deployment: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["why", "-C", str(deployment), *arguments])


def store(deployment: Path, job: str = JOB, /, **meta: object) -> None:
    file = deployment / "job-store" / "jobs-storage" / job / "meta"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({**WAITING, **meta}))


def test_nobody_is_told_of_who_is_well(deployment: Path, memory: Memory) -> None:
    memory.asked.clear()
    ended = why(deployment)
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert ended.stderr == "nothing is wrong: server1, site-1, site-2\n"
    assert why(deployment, "site-1").stderr == "nothing is wrong: site-1\n"


def test_who_is_not_well_is_told_of_with_what_was_seen_and_what_to_do(deployment: Path, memory: Memory) -> None:
    memory.running.remove("site-2")
    for arguments in ((), ("site-2",)):
        ended = why(deployment, *arguments)
        assert ended.exit_code == 3
        assert ended.stdout == (
            "[ABSENT] site-2: it was not started, or was stopped\n    seen: it is absent\n"
            "    do: composer start site-2\n"
        )
    assert why(deployment, "site-1").exit_code == 0
    said = json.loads(why(deployment, "--json").stdout)
    assert said["well"] == ["server1", "site-1"]
    assert [cause["id"] for cause in said["causes"]] == ["ABSENT"]
    assert set(said["causes"][0]) == {"id", "about", "message", "evidence", "fix"}


def test_what_participants_and_the_server_write_is_evidence(deployment: Path, memory: Memory) -> None:
    memory.asked.append("site-1")
    reason = "Maximum number of clients reached. Reject client: site-1 login."
    memory.server_log = f"2026-11-28 04:40:00,001 - ClientManager - INFO - {reason}\n".encode()
    memory.logs = {"site-1": ("Successfully registered client:site-1", "\x1b[31mits last words\x1b[0m")}
    ended = why(deployment)
    assert ended.exit_code == 3
    assert "[LIMIT] site-1: the server rejects it" in ended.stdout
    assert reason in ended.stdout
    memory.server_log = b"2026-11-28 - ClientManager - INFO - Client: New client site-1@192.0.2.2 joined. Sent token.\n"
    assert "seen: its last line: its last words\n" in why(deployment).stdout
    memory.logs = {}
    assert "[UNKNOWN] site-1: it is running and not registered, and nothing" in why(deployment).stdout


def test_a_job_that_waits_is_told_of_and_found_by_its_name(deployment: Path, memory: Memory) -> None:
    memory.asked.clear()
    store(deployment)
    store(deployment, JOB.replace("131e", "131f"), name="done", status="FINISHED:COMPLETED")
    for arguments in ((), (JOB,), (JOB[:6],), ("needy",)):
        ended = why(deployment, *arguments)
        assert ended.exit_code == 3, arguments
        assert f"[TOO-FEW-SITES] {JOB}: it needs 5 sites" in ended.stdout
        assert "seen: the server's scheduler: connected sites (2) < min_sites (5)\n" in ended.stdout
    assert why(deployment, "done").exit_code == 0
    # So little of an id is none.
    assert "no participant and no job is called 131\n" in why(deployment, "131").stderr
    store(deployment, JOB.replace("808f", "808e"), name="third")
    assert f"2 jobs begin with 131e80\n hint: name one: {JOB.replace('808f', '808e')}, {JOB}\n" in (
        why(deployment, "131e80").stderr
    )


def test_a_failed_job_is_explained_by_what_it_wrote_at_its_sites(deployment: Path, memory: Memory) -> None:
    memory.asked.clear()
    store(deployment, status="FINISHED:EXECUTION_EXCEPTION", schedule_history=["2026-11-28 04:37:03: scheduled"])
    begin, end = f"x - JobExecutor - INFO - Launched job {JOB}", f"x - INFO - run ({JOB}): child worker process"
    memory.logs = {"site-2": (begin, "ModuleNotFoundError: No module named 'monai'", end)}
    ended = why(deployment, "needy")
    assert ended.exit_code == 3
    assert f"[PACKAGE] {JOB}: the Python of site-2 lacks the module monai\n" in ended.stdout
    # A job that has ended is told of to who asks for it.
    assert why(deployment).exit_code == 0


def test_what_a_job_calls_itself_forges_no_line(deployment: Path, memory: Memory) -> None:
    memory.asked.clear()
    store(deployment, status="SUBMITTED\nerror: forged\x1b[2J", schedule_history=[f"x: {'y' * 400}\n[HOST] forged"])
    ended = why(deployment, JOB)
    assert [line[:9] for line in ended.stdout.splitlines()] == ["[UNKNOWN]", "    do: r"]
    assert all(line.isprintable() for line in ended.stdout.splitlines())


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("site-7", "no participant and no job is called site-7\n hint: did you mean site-"),
        ("zzzzzz", "no participant and no job is called zzzzzz\n hint: there are server1, site-1, site-2"),
        ("admin@nvidia.com", "is an administrator, who runs only at a console"),
    ],
)
def test_who_is_not_there_is_an_error_in_two_lines(deployment: Path, about: str, said: str) -> None:
    ended = why(deployment, about)
    assert ended.exit_code == 1
    assert said in ended.stderr


def job(folder: Path, **meta: object) -> Path:
    folder.mkdir()
    (folder / "meta.json").write_text(json.dumps({"name": "needy", "deploy_map": {"app": ["@ALL"]}, **meta}))
    return folder


def test_a_job_that_would_wait_is_warned_of_before_it_is_submitted(
    deployment: Path, memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.asked.clear()
    monkeypatch.setattr("composer.usecases.admin.console", lambda *_: 0)
    folder = job(tmp_path / "needy", min_clients=5, mandatory_clients=["site-9"])

    def warned(*arguments: str) -> list[str]:
        heard = Heard()
        assert admin(deployment, None, arguments, False, heard) == 0
        return heard.warnings

    for option in (("-j", str(folder)), (f"--job_folder={folder}",)):
        missing, few = warned("--format", "json", "job", "submit", *option)
        assert missing.startswith(
            "needy: it cannot do without site-9, which is not registered; see that it is spelt so"
        )
        assert few.startswith("needy: it needs 5 sites, and this deployment has 2")
    assert warned("job", "submit", "-j", str(job(tmp_path / "good", min_clients=2))) == []
    assert warned("job", "list") == []
    assert warned("job", "submit", "-j", str(tmp_path / "nothing")) == []
    (folder / "meta.json").write_text("[" * 100_000)
    assert warned("job", "submit", "-j", str(folder)) == []
    monkeypatch.chdir(tmp_path)
    job(tmp_path / before_submit._DEFAULT, min_clients=3)
    assert len(warned("job", "submit")) == 1
