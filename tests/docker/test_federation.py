"""A real federation in real containers, from ``up`` to ``down``, in the order in which a user lives it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from tests.conftest import (
    SHUT_DOWN_SITE_2,
    Deployment,
    causes,
    composer,
    docker,
    eventually,
    has_ended,
    job_that,
    nvflare,
    run,
    tree,
)

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

PARTICIPANTS = ("server1", "site-1", "site-2")


def inspect(deployment: Deployment, service: str) -> dict:
    return json.loads(docker("inspect", deployment.container(service)))[0]


def registrations(deployment: Deployment, site: str) -> int:
    return docker("logs", deployment.container(site)).count(f"Successfully registered client:{site}")


@pytest.fixture(scope="module")
def kits_before(prod_00: Path) -> dict[str, tuple[int, bytes]]:
    return tree(prod_00)


@pytest.fixture(scope="module")
def job(federation: Deployment) -> str:
    """The quickstart's job, run to its end."""
    submitted = nvflare(federation, "job", "submit", "-j", "examples/quickstart/job")
    waited = nvflare(federation, "job", "wait", submitted["job_id"], "--timeout", "120", "--interval", "1")
    assert waited["status"] == "FINISHED:COMPLETED"
    return submitted["job_id"]


def test_up_returns_when_everybody_is_registered(
    kits_before: dict[str, tuple[int, bytes]], federation: Deployment
) -> None:
    # Nothing has been waited for since `up` returned.
    assert [registrations(federation, site) for site in ("site-1", "site-2")] == [1, 1]


def test_status_is_the_documented_contract(federation: Deployment) -> None:
    ended = federation.run("status", "--json")
    assert ended.returncode == 0, ended.err
    status = json.loads(ended.out)
    assert status["healthy"] is True
    assert [row["name"] for row in status["participants"]] == list(PARTICIPANTS)
    for row in status["participants"]:
        assert row["type"] == ("server" if row["name"] == "server1" else "client")
        assert (row["host"], row["state"], row["health"], row["registered"]) == ("local", "running", "healthy", True)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", row["since"])
        assert row["certificate_days_left"] in (359, 360)
        assert row["image"].startswith(f"{federation.compose_project}/")


def test_status_is_a_table_for_people(federation: Deployment) -> None:
    lines = federation.run("status").out.splitlines()
    assert lines[0].split()[:4] == ["NAME", "TYPE", "HOST", "STATE"]
    assert [line.split()[0] for line in lines[1:]] == list(PARTICIPANTS)


@pytest.mark.parametrize("service", PARTICIPANTS)
def test_containers_are_hardened(federation: Deployment, service: str) -> None:
    found = inspect(federation, service)
    host = found["HostConfig"]
    assert host["NetworkMode"] == "host"
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["ReadonlyRootfs"]
    assert host["Init"]
    assert host["PidsLimit"] == 4096
    assert host["Tmpfs"]["/tmp"].endswith("mode=0700,size=10%")
    assert host["RestartPolicy"]["Name"] == "on-failure"
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    assert not any("docker.sock" in mount["Source"] for mount in found["Mounts"])
    status = docker("exec", federation.container(service), "cat", "/proc/self/status")
    assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)


@pytest.mark.parametrize("path", ["/workspace/startup/x", "/workspace/local/x", "/etc/x", "/opt/flare/x"])
def test_kit_and_root_are_read_only(federation: Deployment, path: str) -> None:
    ended = run(["docker", "exec", federation.container("site-1"), "touch", path])
    assert ended.returncode != 0
    assert "Read-only file system" in ended.err


def test_names_resolve_in_every_container(federation: Deployment) -> None:
    for service in PARTICIPANTS:
        assert "127.0.0.1" in docker("exec", federation.container(service), "getent", "hosts", "server1")
    assert composer("hosts", federation.kits).out == "127.0.0.1 server1\n"


def test_a_second_up_changes_nothing(federation: Deployment) -> None:
    before = [inspect(federation, service)["Id"] for service in PARTICIPANTS]
    ended = federation.up()
    assert ended.returncode == 0, ended.err
    assert [inspect(federation, service)["Id"] for service in PARTICIPANTS] == before
    assert "Building" not in ended.err


def test_logs_carry_names(federation: Deployment) -> None:
    ended = federation.run("logs", "-n", "3", "site-1", "site-2")
    assert ended.returncode == 0
    assert {line.split("|")[0].strip() for line in ended.out.splitlines()} == {"site-1", "site-2"}
    assert "\x1b" not in ended.out


def test_three_rounds_of_plus_one(federation: Deployment, job: str, tmp_path: Path) -> None:
    nvflare(federation, "job", "download", job, cwd=tmp_path)
    import numpy

    weights = numpy.load(tmp_path / job / "workspace" / "models" / "server.npy")
    assert weights.tolist() == [[4.0, 5.0], [6.0, 7.0]]


def test_a_report_shows_all_of_it(federation: Deployment, job: str, tmp_path: Path) -> None:
    ended = federation.run("report", "-o", str(tmp_path / "report.html"))
    assert ended.returncode == 0, ended.err
    text = (tmp_path / "report.html").read_text()
    words = re.sub(r"<style>.*?</style>|<[^>]+>", "", text, flags=re.DOTALL)
    assert "3 of 3 are well" in words
    assert "1 job completed" in words
    assert job in words
    assert re.search(r"server1 started.*site-1, site-2 registered|server1 started.*site-1 registered", words)
    assert "Images as the engines have them" in words
    assert docker("inspect", "--format", "{{.Image}}", federation.container("site-1")).strip()[7:] in words
    assert re.search(r"nvflare 2\.\d+\.\d+", words), "the packages that are pinned"
    assert "is not known:" not in words


def test_a_job_that_waits_is_warned_of_and_explained(federation: Deployment, job: str, tmp_path: Path) -> None:
    folder = job_that(tmp_path, "", name="needy", min_clients=5)
    submitted = federation.run("admin", "--", "job", "submit", "-j", str(folder), cwd=tmp_path)
    assert submitted.returncode == 0, submitted.err
    assert "warning: needy: it needs 5 sites, and this deployment has 2" in submitted.err
    needy = submitted.out.split("job_id: ")[1].split()[0]
    eventually(lambda: causes(federation.run("why", "--json")) == {needy: "TOO-FEW-SITES"})
    assert federation.run("why", job).returncode == 0
    told = federation.run("why", "needy")
    assert told.returncode == 3
    assert "seen: the server's scheduler: connected sites (2) < min_sites (5)\n" in told.out


def test_a_job_that_failed_is_explained_by_what_it_wrote(federation: Deployment, tmp_path: Path) -> None:
    folder = job_that(tmp_path, "import nvflare.client as flare\nflare.init()\nopen('/data/ct/patients.csv')\n")
    failed = nvflare(federation, "job", "submit", "-j", str(folder), cwd=tmp_path)["job_id"]
    eventually(lambda: causes(federation.run("why", failed, "--json")) == {failed: "DATA"})
    eventually(lambda: has_ended(federation, failed))
    assert federation.run("why", "site-1").returncode == 0


def test_server_restart_keeps_the_job_listed(federation: Deployment, job: str) -> None:
    docker("restart", federation.container("server1"))
    eventually(lambda: federation.status()["healthy"])
    eventually(lambda: job in json.dumps(nvflare(federation, "job", "list")))


@pytest.mark.parametrize("service", PARTICIPANTS)
def test_a_killed_participant_comes_back_by_itself(federation: Deployment, service: str) -> None:
    before = inspect(federation, service)
    docker("exec", federation.container(service), "bash", "-c", "kill -9 $(<$FLARE_WORKSPACE/composer.pid)")
    eventually(lambda: inspect(federation, service)["RestartCount"] == before["RestartCount"] + 1)
    eventually(lambda: federation.status()["healthy"])
    assert inspect(federation, service)["Id"] == before["Id"]


def test_a_killed_container_starts_over_stale_pid_files(federation: Deployment) -> None:
    workspace = federation.folder / "workspaces" / "site-1"
    container = federation.container("site-1")
    docker("kill", "--signal", "KILL", container)
    # What the kit's own sub_start.sh leaves behind, and would then take for a running instance.
    (workspace / "daemon_pid.fl").write_text("1\n")
    (workspace / "pid.fl").write_text("7\n")
    docker("start", container)
    eventually(lambda: federation.status()["healthy"])
    assert not list(workspace.glob("*pid.fl"))


def test_an_admins_restart_comes_back_in_the_same_container(federation: Deployment) -> None:
    before = inspect(federation, "site-1")
    seen = registrations(federation, "site-1")
    nvflare(federation, "system", "restart", "client", "site-1", "--force")
    eventually(lambda: registrations(federation, "site-1") == seen + 1)
    eventually(lambda: federation.status()["healthy"])
    after = inspect(federation, "site-1")
    assert (after["Id"], after["RestartCount"]) == (before["Id"], before["RestartCount"])


def test_an_admins_shutdown_stays_down_until_up(federation: Deployment) -> None:
    nvflare(federation, *SHUT_DOWN_SITE_2)
    eventually(lambda: inspect(federation, "site-2")["State"]["Status"] == "exited")
    # Docker's first restart would come after 0.1 s, its second after 0.2 s.
    time.sleep(5)
    assert inspect(federation, "site-2")["State"]["Status"] == "exited"
    ended = federation.run("status", "--json")
    assert ended.returncode == 3
    row = json.loads(ended.out)["participants"][2]
    assert (row["state"], row["registered"]) == ("stopped", False)
    why = federation.run("why", "site-2", "--json")
    assert (why.returncode, causes(why)) == (3, {"site-2": "SHUT-DOWN"})
    assert federation.up().returncode == 0
    assert federation.status()["healthy"]


def identities(federation: Deployment) -> list[str]:
    return [inspect(federation, service)["Id"] for service in PARTICIPANTS]


@pytest.mark.parametrize("command", ["generate", "build", "up"])
def test_the_runtime_is_not_changed_under_running_containers(
    federation: Deployment, tmp_path: Path, command: str
) -> None:
    before, manifest = identities(federation), (federation.folder / "manifest.json").read_bytes()
    (tmp_path / "composer.yml").write_text("runtime: process\n")
    arguments = (command, federation.kits, "-f", tmp_path / "composer.yml", "-C", federation.folder)
    ended = composer(*arguments, **federation.environment)
    assert ended.returncode == 1
    assert "server1, site-1, site-2 run as containers" in ended.err
    ended = composer(*arguments, **federation.environment, DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert ended.returncode == 1
    assert f"cannot be seen whether {federation.folder} still runs as containers" in ended.err
    assert (federation.folder / "manifest.json").read_bytes() == manifest
    assert identities(federation) == before


def test_a_deployment_by_another_path_is_the_same(federation: Deployment, tmp_path: Path) -> None:
    before = identities(federation)
    (tmp_path / "link").symlink_to(federation.folder)
    (federation.folder.parent / "beside").mkdir()
    for path in (tmp_path / "link", federation.folder.parent / "beside" / ".." / federation.folder.name):
        by_path = Deployment(path, federation.kits, federation.definition, federation.environment)
        assert by_path.status()["healthy"]
        ended = by_path.up()
        assert ended.returncode == 0, ended.err
    (federation.folder.parent / "beside").rmdir()
    assert identities(federation) == before


def test_containers_that_bear_another_path_of_the_folder_are_its_own(federation: Deployment, tmp_path: Path) -> None:
    """As composer labelled them which took the folder's path as it was typed."""
    typed = f"{federation.folder.parent}/./../{federation.folder.parent.name}/{federation.folder.name}"
    override = federation.folder / "compose.override.yml"
    override.write_text(f"services: {{site-1: {{labels: {{flare-composer.deployment: {typed}}}}}}}\n")
    ended = federation.up()
    assert ended.returncode == 0, ended.err
    assert inspect(federation, "site-1")["Config"]["Labels"]["flare-composer.deployment"] == typed
    assert federation.status()["healthy"]
    override.unlink()
    assert federation.up().returncode == 0


def test_down_removes_what_is_ours_and_keeps_the_rest(
    federation: Deployment, job: str, kits_before: dict[str, tuple[int, bytes]]
) -> None:
    project = federation.compose_project
    ended = federation.run("down")
    assert ended.returncode == 0, ended.err
    assert docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={project}") == ""
    assert tree(federation.kits) == kits_before
    assert (federation.folder / "workspaces" / "site-1" / "log.txt").exists()
    assert federation.run("down").returncode == 0
    assert federation.up().returncode == 0
    eventually(lambda: job in json.dumps(nvflare(federation, "job", "list")))


def test_the_folder_needs_no_composer(federation: Deployment) -> None:
    from testcontainers.compose import DockerCompose

    federation.run("down")
    with DockerCompose(federation.folder, compose_file_name="docker-compose.yml", wait=False):
        eventually(lambda: federation.status()["healthy"])
        assert {inspect(federation, service)["State"]["Status"] for service in PARTICIPANTS} == {"running"}


def test_purge_deletes_the_folder_after_asking(federation: Deployment, kits_before: dict) -> None:
    refused = federation.run("down", "--purge")
    assert refused.returncode == 1
    assert federation.folder.exists()
    assert federation.run("down", "--purge", "--yes").returncode == 0
    assert not federation.folder.exists()
    assert tree(federation.kits) == kits_before
    assert list(federation.folder.parent.iterdir()) == []
