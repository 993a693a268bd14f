"""Processes that die, hang and crash: what comes back by itself, and what an operator is told meanwhile."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, Deployment, causes, docker, eventually, nvflare
from tests.docker.faults.stack import containers, healthy, inspect, python_pid, registrations, rows

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]


def server_log(deployment: Deployment) -> str:
    return (deployment.folder / "workspaces" / "server1" / "log.txt").read_text(errors="replace")


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    os.kill(pid, number)


@pytest.mark.fault(1)
def test_a_killed_server_comes_back_with_its_jobs_and_their_results(well: Deployment, tmp_path: Path) -> None:
    submitted = nvflare(well, "job", "submit", "-j", "examples/quickstart/job", cwd=ROOT)["job_id"]
    waited = nvflare(well, "job", "wait", submitted, "--timeout", "240", "--interval", "1", cwd=ROOT)
    assert waited["status"] == "FINISHED:COMPLETED"
    before = inspect(well, "server1")
    kill(python_pid(well, "server1"))
    eventually(lambda: inspect(well, "server1")["RestartCount"] == before["RestartCount"] + 1)
    eventually(lambda: healthy(well))
    assert submitted in json.dumps(nvflare(well, "job", "list", cwd=ROOT))
    nvflare(well, "job", "download", submitted, cwd=tmp_path)
    assert list((tmp_path / submitted).rglob("server.npy"))


def test_a_server_that_has_just_come_back_has_no_sites_until_they_have(well: Deployment) -> None:
    paused = [python_pid(well, site) for site in ("site-1", "site-2")]
    for pid in paused:
        kill(pid, signal.SIGSTOP)
    try:
        kill(python_pid(well, "server1"))
        eventually(lambda: rows(well)["server1"]["restarts"] > 0 and rows(well)["server1"]["registered"])
        seen = rows(well)
        assert [seen[site]["registered"] for site in ("site-1", "site-2")] == [False, False]
        assert "the server does not have it" in seen["site-1"]["detail"]
        assert well.run("status").returncode == 3
    finally:
        for pid in paused:
            kill(pid, signal.SIGCONT)
    eventually(lambda: healthy(well))


@pytest.mark.fault(2)
def test_a_client_killed_three_times_is_the_same_site_in_the_same_container(well: Deployment) -> None:
    before = containers(well)
    for _ in range(3):
        seen = registrations(well, "site-1")
        kill(python_pid(well, "site-1"))
        eventually(lambda: registrations(well, "site-1") == seen + 1)  # noqa: B023
        eventually(lambda: healthy(well))
    assert containers(well) == before
    assert [row["name"] for row in well.status()["participants"]] == ["server1", "site-1", "site-2"]
    assert "already registered with another token" not in server_log(well)


@pytest.mark.fault(3)
def test_a_killed_container_starts_over_the_remains_of_its_former_life(well: Deployment) -> None:
    workspace = well.folder / "workspaces" / "site-1"
    docker("kill", "--signal", "KILL", well.container("site-1"))
    # What the kit's own sub_start.sh leaves behind, and would then take for a running instance.
    (workspace / "daemon_pid.fl").write_text("1\n")
    (workspace / "pid.fl").write_text("7\n")
    docker("start", well.container("site-1"))
    eventually(lambda: healthy(well))
    assert not list(workspace.glob("*pid.fl"))


@pytest.mark.fault(4)
def test_a_crash_loop_of_a_running_federation_is_told_with_its_last_line_and_costs_little(well: Deployment) -> None:
    # The image that all sites have stays as it is: the participant's own configuration goes bad.
    config = well.kits / "site-2" / "startup" / "fed_client.json"
    text = config.read_text()
    try:
        config.write_text("{")
        kill(python_pid(well, "site-2"))
        eventually(lambda: "crashes again and again" in rows(well)["site-2"]["detail"])
        row = rows(well)["site-2"]
        assert not row["registered"]
        assert row["restarts"] >= 3
        assert "its last line: " in row["detail"]
        assert well.run("status").returncode == 3
        why = well.run("why", "site-2", "--json")
        assert (why.returncode, causes(why)) == (3, {"site-2": "CONFIG"}), why.out
        others = rows(well)
        assert [others[name]["registered"] for name in ("server1", "site-1")] == [True, True]
        # Docker's pauses between restarts double up to a minute: no core is kept busy.
        before = row["restarts"]
        time.sleep(20)
        assert rows(well)["site-2"]["restarts"] <= before + 5
    finally:
        config.write_text(text)
    eventually(lambda: healthy(well), 240)


@pytest.mark.fault(5)
def test_a_server_that_hung_for_90_s_finds_its_sites_again(well: Deployment) -> None:
    before = containers(well)
    pid = python_pid(well, "server1")
    kill(pid, signal.SIGSTOP)
    try:
        row = rows(well)["server1"]
        assert not row["registered"]
        assert "no answer" in row["detail"]
        assert well.run("status").returncode == 3
        time.sleep(90)
    finally:
        kill(pid, signal.SIGCONT)
    eventually(lambda: healthy(well))
    assert containers(well) == before
    clients = nvflare(well, "system", "status", cwd=ROOT)["clients"]
    assert sorted(client["client_name"] for client in clients) == ["site-1", "site-2"]


def test_down_warns_of_a_job_that_has_not_ended(well: Deployment) -> None:
    submitted = nvflare(well, "job", "submit", "-j", "examples/quickstart/job", cwd=ROOT)["job_id"]
    label = f"{well.folder}/workspaces/server1/{submitted}"
    eventually(lambda: Path(label).exists())
    eventually(lambda: submitted in docker("top", well.container("server1"), "-eo", "pid,args"))
    ended = well.run("down")
    assert ended.returncode == 0, ended.err
    assert f"warning: job {submitted} has not ended" in ended.err
    assert containers(well) == {}
