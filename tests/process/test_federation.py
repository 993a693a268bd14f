"""``runtime: process`` from ``up`` to ``down``, in the order in which a user lives it."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.conftest import (
    SHUT_DOWN_SITE_2,
    Deployment,
    causes,
    composer,
    eventually,
    has_ended,
    job_that,
    nvflare,
    tree,
)
from tests.process.conftest import PORT, members

pytestmark = pytest.mark.nvflare

PARTICIPANTS = ("server1", "site-1", "site-2")


def workspace(deployment: Deployment, participant: str) -> Path:
    return deployment.folder / "workspaces" / participant


def registrations(deployment: Deployment, site: str) -> int:
    return (workspace(deployment, site) / "console.log").read_text().count(f"Successfully registered client:{site}")


@pytest.fixture(scope="module")
def kits_before(kits: Path) -> dict[str, tuple[int, bytes]]:
    return tree(kits)


@pytest.fixture(scope="module")
def job(processes: Deployment) -> str:
    submitted = nvflare(processes, "job", "submit", "-j", "examples/quickstart/job")
    waited = nvflare(processes, "job", "wait", submitted["job_id"], "--timeout", "200", "--interval", "1")
    assert waited["status"] == "FINISHED:COMPLETED"
    return str(submitted["job_id"])


def test_up_returns_when_everybody_is_registered(
    kits_before: dict[str, tuple[int, bytes]], processes: Deployment
) -> None:
    assert [registrations(processes, site) for site in ("site-1", "site-2")] == [1, 1]


def test_status_is_the_documented_contract(processes: Deployment) -> None:
    status = processes.status()
    assert status["healthy"] is True
    assert [row["name"] for row in status["participants"]] == list(PARTICIPANTS)
    for row in status["participants"]:
        assert (row["host"], row["state"], row["health"], row["registered"]) == ("local", "running", "healthy", True)
        assert row["image"].startswith("venvs/2.9.0-")
        assert row["certificate_days_left"] in (359, 360)


def test_a_second_up_changes_nothing(processes: Deployment) -> None:
    before = [members(workspace(processes, one)) for one in PARTICIPANTS]
    assert processes.up().returncode == 0
    assert [members(workspace(processes, one)) for one in PARTICIPANTS] == before


def test_logs_carry_names(processes: Deployment) -> None:
    ended = processes.run("logs", "-n", "2", "site-1", "site-2")
    assert ended.returncode == 0, ended.err
    assert {line.split(" | ")[0] for line in ended.out.splitlines()} == {"site-1", "site-2"}


def test_three_rounds_of_plus_one(processes: Deployment, job: str, tmp_path: Path) -> None:
    nvflare(processes, "job", "download", job, cwd=tmp_path)
    import numpy

    weights = numpy.load(tmp_path / job / "workspace" / "models" / "server.npy")
    assert weights.tolist() == [[4.0, 5.0], [6.0, 7.0]]


def test_jobs_are_in_the_deployment(processes: Deployment, job: str) -> None:
    assert (processes.folder / "job-store" / "jobs-storage" / job).is_dir()
    assert not Path("/tmp/nvflare/jobs-storage", job).exists()


def test_a_job_that_fails_is_explained(processes: Deployment, job: str, tmp_path: Path) -> None:
    assert processes.run("why", job).returncode == 0
    failed = nvflare(processes, "job", "submit", "-j", str(job_that(tmp_path, "import monai_is_not_there\n")))["job_id"]
    eventually(lambda: causes(processes.run("why", failed, "--json")) == {failed: "PACKAGE"})
    eventually(lambda: has_ended(processes, failed))


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_a_killed_participant_comes_back_by_itself(processes: Deployment, participant: str) -> None:
    before = int((workspace(processes, participant) / "composer.restarts").read_text())
    os.kill(int((workspace(processes, participant) / "composer.pid").read_text()), signal.SIGKILL)
    eventually(lambda: int((workspace(processes, participant) / "composer.restarts").read_text()) == before + 1)
    eventually(lambda: processes.status()["healthy"])


def test_a_job_process_ends_with_its_participant(processes: Deployment) -> None:
    submitted = nvflare(processes, "job", "submit", "-j", "examples/quickstart/job")

    def workers() -> list[int]:
        found = members(workspace(processes, "site-1"))
        return [pid for pid in found if b"worker_process" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    eventually(lambda: bool(workers()))
    orphans = workers()
    # It has a session of its own, so no signal to a group of the participant's reaches it.
    supervisor = int((workspace(processes, "site-1") / "composer.supervisor").read_text())
    assert os.getsid(orphans[0]) != os.getsid(supervisor)
    assert processes.run("down").returncode == 0
    assert [pid for one in PARTICIPANTS for pid in members(workspace(processes, one))] == []
    assert processes.up().returncode == 0
    assert submitted["job_id"] in json.dumps(nvflare(processes, "job", "list"))


def test_a_killed_supervisor_is_told_and_made_good(processes: Deployment) -> None:
    os.kill(int((workspace(processes, "site-2") / "composer.supervisor").read_text()), signal.SIGKILL)
    row = next(row for row in processes.status()["participants"] if row["name"] == "site-2")
    assert row["state"] == "exited"
    assert causes(processes.run("why", "--json")) == {"site-2": "SUPERVISOR"}
    # What the kit's own sub_start.sh leaves behind, and would then take for a running instance.
    (workspace(processes, "site-2") / "daemon_pid.fl").write_text("1\n")
    assert processes.up().returncode == 0
    assert processes.status()["healthy"]
    started = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in members(workspace(processes, "site-2"))]
    assert sum(line.startswith(b"python3\0") for line in started) == 1


def test_an_admins_restart_comes_back(processes: Deployment) -> None:
    seen = registrations(processes, "site-1")
    supervisor = (workspace(processes, "site-1") / "composer.supervisor").read_text()
    nvflare(processes, "system", "restart", "client", "site-1", "--force")
    eventually(lambda: registrations(processes, "site-1") > seen)
    eventually(lambda: processes.status()["healthy"])
    assert (workspace(processes, "site-1") / "composer.supervisor").read_text() == supervisor


def test_an_admins_shutdown_stays_down(processes: Deployment) -> None:
    nvflare(processes, *SHUT_DOWN_SITE_2)
    eventually(lambda: members(workspace(processes, "site-2")) == [])
    row = next(row for row in processes.status()["participants"] if row["name"] == "site-2")
    assert (row["state"], row["detail"]) == ("stopped", "shut down by an administrator")
    assert processes.run("status").returncode == 3
    assert causes(processes.run("why", "--json")) == {"site-2": "SHUT-DOWN"}
    assert processes.up().returncode == 0


def test_kits_of_another_runtime_are_refused_while_it_runs(processes: Deployment) -> None:
    other = processes.folder.parent / "docker.yml"
    other.write_text(f"kits: {processes.kits}\nruntime: docker\n")
    ended = composer("up", "-f", other, "-C", processes.folder, **processes.environment)
    assert ended.returncode == 1
    assert "composer down" in ended.err
    assert processes.status()["healthy"]


def test_down_leaves_workspaces_and_kits_as_they_were(
    processes: Deployment, kits_before: dict[str, tuple[int, bytes]], kits: Path
) -> None:
    assert processes.run("down").returncode == 0
    assert [pid for one in PARTICIPANTS for pid in members(workspace(processes, one))] == []
    assert {row["state"] for row in processes.status()["participants"]} == {"absent"}
    assert (workspace(processes, "site-1") / "log.txt").is_file()
    assert tree(kits) == kits_before
    assert processes.run("down").returncode == 0


def test_a_busy_port_is_found_before_anything_starts(processes: Deployment) -> None:
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", PORT))
        holder.listen()
        ended = processes.up()
    assert ended.returncode == 1
    assert f"port {PORT} of server1 is taken on IPv4" in ended.err
    assert members(workspace(processes, "server1")) == []


def test_the_deployment_runs_without_composer(processes: Deployment) -> None:
    from tests.conftest import run

    assert run(["bash", processes.folder / "start.sh"], cwd=Path("/")).returncode == 0
    assert processes.status()["healthy"]
    assert run([processes.folder / "stop.sh"], cwd=Path("/")).returncode == 0


def test_a_data_folder_elsewhere_is_refused(processes: Deployment, tmp_path: Path) -> None:
    (tmp_path / "composer.yml").write_text(
        f"runtime: process\nkits: {processes.kits}\n"
        "participants: {site-1: {data: [{source: /srv/ct, target: /data/ct}]}}\n"
    )
    ended = composer("generate", "-C", tmp_path / "deployment", cwd=tmp_path)
    assert ended.returncode == 1
    assert "/srv/ct cannot be seen as /data/ct" in ended.err
    assert not (tmp_path / "deployment").exists()


def test_a_path_that_nvflare_takes_apart_is_refused(kits: Path, tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    (folder / "composer.yml").write_text(f"runtime: process\nkits: {kits}\n")
    ended = composer("up", cwd=folder)
    assert ended.returncode == 1
    assert "its path has a blank or a quote in it" in ended.err
    assert not (folder / "deployment").exists()


def test_purge_leaves_nothing(processes: Deployment) -> None:
    assert processes.run("down", "--purge", "--yes").returncode == 0
    assert not processes.folder.exists()
