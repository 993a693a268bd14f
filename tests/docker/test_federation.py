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

MARK = "hf_not4everybody"
SECRETS = (f'{MARK} b\\c" ${{d}} $e #f', f'it\'s {MARK} \\ "$g" ${{h}}')
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


def test_logs_of_a_job_are_those_of_all_who_ran_it(federation: Deployment, job: str) -> None:
    ended = federation.run("logs", "--job", job[:8])
    assert ended.returncode == 0, ended.err
    assert {line.split(" | ")[0] for line in ended.out.splitlines()} >= {"server1", "site-1", "site-2"}
    one = federation.run("logs", "site-1", "--job", job, "-n", "2").out.splitlines()
    assert [line.split(" | ")[0] for line in one] == ["site-1", "site-1"]
    unknown = federation.run("logs", "--job", "00000000-0000")
    assert unknown.returncode == 1
    assert "none of server1, site-1, site-2 has a log of job 00000000-0000" in unknown.err


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


LIMITED = """
participants:
  site-2:
    cpus: 1.5
    memory: 1g
    ulimits: {nofile: {soft: 2048, hard: 4096}}
    tmp: disk
    env_file: {folder}/site-2.env
    environment: [TOKEN_OF_CALLER]
"""
TRY_TMP = """
import mmap, os, subprocess, tempfile
path = os.path.join(tempfile.mkdtemp(), "program")
with open(path, "wb") as file:
    file.write(b"#!/bin/sh\\necho executed\\n")
os.chmod(path, 0o700)
with open(path, "rb") as file:
    assert mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ | mmap.PROT_EXEC)[:2] == b"#!"
print(os.path.dirname(path), subprocess.run([path], capture_output=True, text=True, check=True).stdout.strip())
"""


@pytest.fixture(scope="module")
def limited(federation: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The same federation, in which site-2 has limits and secrets of its own."""
    folder = tmp_path_factory.mktemp("limited")
    common = federation.definition.read_text() if federation.definition else ""
    (folder / "composer.yml").write_text(common + LIMITED.replace("{folder}", str(folder)))
    (folder / "site-2.env").write_text(f"TOKEN_OF_FILE='{SECRETS[0]}'\n")
    (folder / "site-2.env").chmod(0o600)
    environment = {**federation.environment, "TOKEN_OF_CALLER": SECRETS[1]}
    one = Deployment(federation.folder, federation.kits, folder / "composer.yml", environment)
    ended = one.up()
    assert ended.returncode == 0, ended.err
    assert MARK not in ended.err + ended.out
    return one


def test_limits_hold_in_the_container(limited: Deployment) -> None:
    # The second version of control groups has one file, the first has two.
    script = "cd /sys/fs/cgroup && cat cpu.max 2>/dev/null || cat cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us; "
    script += "ulimit -Sn; ulimit -Hn; df --output=size -B1M /dev/shm | tail -1"
    quota, period, *said = docker("exec", limited.container("site-2"), "bash", "-c", script).split()
    assert int(quota) * 2 == int(period) * 3
    assert said == ["2048", "4096", "512"]
    assert inspect(limited, "site-2")["HostConfig"]["NanoCpus"] == 1_500_000_000


def test_temporary_files_on_the_disk_can_be_executed(limited: Deployment) -> None:
    container = limited.container("site-2")
    folder, said = docker("exec", container, "python3", "-c", TRY_TMP).split()
    assert folder.startswith("/workspace/composer.tmp/")
    assert said == "executed"
    # In memory they cannot.
    assert run(["docker", "exec", limited.container("site-1"), "python3", "-c", TRY_TMP]).returncode == 1


def test_secrets_reach_their_participant_and_nothing_else(limited: Deployment) -> None:
    environment = inspect(limited, "site-2")["Config"]["Env"]
    assert {f"TOKEN_OF_FILE={SECRETS[0]}", f"TOKEN_OF_CALLER={SECRETS[1]}"} <= set(environment)
    for service in ("server1", "site-1"):
        assert not any("TOKEN_OF" in one for one in inspect(limited, service)["Config"]["Env"])
    holding = {
        path.relative_to(limited.folder).parts[0]: path.stat().st_mode & 0o077
        for path in limited.folder.rglob("*")
        if path.is_file() and MARK.encode() in path.read_bytes()
    }
    # What a start that fails goes back to is kept, too.
    assert holding == {"private": 0, ".started": 0}
    assert "nothing changed" in limited.up().err


def test_another_secret_starts_its_participant_anew(limited: Deployment) -> None:
    before = identities(limited)
    assert limited.definition
    limited.definition.with_name("site-2.env").write_text("TOKEN_OF_FILE=another\n")
    ended = limited.up()
    assert ended.returncode == 0, ended.err
    after = identities(limited)
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, False]
    assert "TOKEN_OF_FILE=another" in inspect(limited, "site-2")["Config"]["Env"]


def test_without_secrets_nothing_is_left_of_them(limited: Deployment, tmp_path: Path) -> None:
    common = (limited.definition or Path()).read_text().split("\nparticipants:")[0]
    (tmp_path / "composer.yml").write_text(common or "{}\n")
    ended = limited.run("up", "-f", str(tmp_path / "composer.yml"))
    assert ended.returncode == 0, ended.err
    assert not [path for path in limited.folder.rglob("*") if path.is_file() and MARK.encode() in path.read_bytes()]
    assert (limited.folder / "manifest.json").stat().st_mode & 0o777 == 0o644


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
