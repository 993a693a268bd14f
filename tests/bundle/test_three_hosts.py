"""A federation of bundles on three hosts without Docker, without composer and without the Internet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bundle.conftest import HOSTS
from tests.bundle.lan import UID, Host
from tests.conftest import ROOT, SHUT_DOWN_SITE_2, composer, eventually, free_port, provision, run, tree

pytestmark = pytest.mark.nvflare

PORT = free_port()
PLACED = {"server1": "hub", "site-1": "ward-a", "site-2": "ward-b"}


@pytest.fixture(scope="module")
def kits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return provision(tmp_path_factory.mktemp("kits"), "lan", PORT)


@pytest.fixture(scope="module")
def definition(hosts: dict[str, Host], kits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = ["runtime: process", f"kits: {kits}", "hosts:"]
    lines += [f"  {name}: {{address: {host.address}}}" for name, host in hosts.items()]
    lines += ["participants:", "  admin@quickstart.example: {host: hub}"]
    lines += [f"  {name}: {{host: {host}}}" for name, host in PLACED.items()]
    path = tmp_path_factory.mktemp("definition") / "composer.yml"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def archives(definition: Path, kits: Path, python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles")
    before = tree(kits)
    ended = composer("bundle", "-f", definition, "-o", folder, "--with-wheels", "--python", python, cwd=folder)
    assert ended.returncode == 0, ended.err
    assert tree(kits) == before
    assert sorted(path.name for path in folder.iterdir()) == [f"lan-{host}.tar.gz" for host in sorted(HOSTS)]
    return folder


@pytest.fixture(scope="module")
def running(hosts: dict[str, Host], archives: Path) -> dict[str, Host]:
    """All three started, the sites before the server; only one knows the server's name, and one a wrong address."""
    hosts["ward-a"].knows(f"{hosts['hub'].address} server1")
    hosts["ward-b"].knows("127.0.1.1 server1 ward-b")
    for name, host in hosts.items():
        host.unpack(archives / f"lan-{name}.tar.gz")
    for name in ("ward-b", "ward-a"):
        hosts[name].does("./start.sh", "--no-wait", cwd=folder_of(name))
    for name in HOSTS:
        ended = hosts[name].run("./start.sh", cwd=folder_of(name))
        assert ended.returncode == 0, ended.err
        assert "registered: " in ended.err
    return hosts


def folder_of(host: str) -> str:
    return f"/home/ward/lan-{host}"


def script(hosts: dict[str, Host], host: str, name: str, *arguments: str) -> str:
    return hosts[host].does(f"./{name}.sh", *arguments, cwd=folder_of(host))


def nvflare(hosts: dict[str, Host], *arguments: str) -> dict:
    answer = json.loads(script(hosts, "hub", "admin", "--format", "json", *arguments))
    return dict(answer["data"]) if isinstance(answer["data"], dict) else {"items": answer["data"]}


def well(hosts: dict[str, Host], host: str) -> bool:
    return hosts[host].run("./status.sh", cwd=folder_of(host)).returncode == 0


def workspace(hosts: dict[str, Host], participant: str) -> Path:
    host = PLACED[participant]
    return hosts[host].home / f"lan-{host}" / "workspaces" / participant


def registrations(hosts: dict[str, Host], site: str) -> int:
    return (workspace(hosts, site) / "console.log").read_text().count(f"Successfully registered client:{site}")


def test_each_site_registers_from_its_own_host(running: dict[str, Host]) -> None:
    for site in ("site-1", "site-2"):
        assert registrations(running, site) == 1
    for host in HOSTS:
        assert well(running, host)
        assert "running" in script(running, host, "status")


def test_starting_what_runs_changes_nothing(running: dict[str, Host]) -> None:
    before = running["ward-a"].processes()
    ended = running["ward-a"].run("./start.sh", cwd=folder_of("ward-a"))
    assert ended.returncode == 0
    assert "site-1 runs already" in ended.err
    assert running["ward-a"].processes() == before


def test_a_job_runs_on_all_of_them(running: dict[str, Host]) -> None:
    job = ROOT / "examples" / "quickstart" / "job"
    home = running["hub"].home
    assert run(["cp", "-R", job, home / "job"]).returncode == 0
    assert run(["chown", "-R", f"{UID}:{UID}", home / "job"]).returncode == 0
    submitted = nvflare(running, "job", "submit", "-j", "/home/ward/job")
    waited = nvflare(running, "job", "wait", submitted["job_id"], "--timeout", "200", "--interval", "1")
    assert waited["status"] == "FINISHED:COMPLETED"
    assert list((home / "lan-hub" / "job-store").glob(f"jobs-storage/{submitted['job_id']}"))
    assert not list(Path(f"/proc/{running['hub'].pid}/root/tmp").rglob("nvflare/*"))


@pytest.mark.parametrize("participant", PLACED)
def test_a_crashed_participant_comes_back(running: dict[str, Host], participant: str) -> None:
    host = PLACED[participant]
    pid = (workspace(running, participant) / "composer.pid").read_text().strip()
    running[host].does("bash", "-c", f"kill -9 {pid}")
    eventually(lambda: (workspace(running, participant) / "composer.restarts").read_text().strip() != "0")
    eventually(lambda: all(well(running, one) for one in HOSTS))


def test_an_admins_restart_comes_back(running: dict[str, Host]) -> None:
    seen = registrations(running, "site-1")
    nvflare(running, "system", "restart", "client", "site-1", "--force")
    eventually(lambda: registrations(running, "site-1") > seen)
    eventually(lambda: well(running, "ward-a"))


def test_an_admins_shutdown_stays_down_until_started_again(running: dict[str, Host]) -> None:
    nvflare(running, *SHUT_DOWN_SITE_2)
    eventually(lambda: running["ward-b"].processes() == [])
    ended = running["ward-b"].run("./status.sh", cwd=folder_of("ward-b"))
    assert ended.returncode == 3
    assert "stopped" in ended.out
    script(running, "ward-b", "start")
    assert well(running, "ward-b")


def test_stopping_ends_all_of_it_and_nothing_else(running: dict[str, Host]) -> None:
    bystander = running["ward-a"].does("bash", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $!").strip()
    script(running, "ward-a", "stop")
    assert running["ward-a"].processes() == []
    assert running["ward-a"].run("bash", "-c", f"kill {bystander}").returncode == 0
    script(running, "ward-a", "stop")
    ended = running["ward-a"].run("./status.sh", cwd=folder_of("ward-a"))
    assert (ended.returncode, "absent" in ended.out) == (3, True)
    script(running, "ward-a", "start")
    assert well(running, "ward-a")


def test_a_killed_supervisor_leaves_nothing_in_the_way(running: dict[str, Host]) -> None:
    supervisor = (workspace(running, "site-1") / "composer.supervisor").read_text().strip()
    running["ward-a"].does("bash", "-c", f"kill -9 {supervisor}")
    script(running, "ward-a", "start")
    assert well(running, "ward-a")
    clients = [line for line in running["ward-a"].processes() if "client_train" in line and "python3" in line]
    assert sum("entrypoint.sh" not in line for line in clients) <= 1


def test_the_server_keeps_its_jobs_over_a_restart(running: dict[str, Host]) -> None:
    before = {job["job_id"] for job in nvflare(running, "job", "list")["items"]}
    assert before
    script(running, "hub", "stop")
    script(running, "hub", "start")
    eventually(lambda: all(well(running, one) for one in HOSTS))
    assert {job["job_id"] for job in nvflare(running, "job", "list")["items"]} == before


def test_nothing_is_roots_and_keys_are_private(running: dict[str, Host]) -> None:
    for host in running.values():
        for path in host.home.rglob("*"):
            assert path.lstat().st_uid == UID, path
            if path.suffix == ".key":
                assert path.stat().st_mode & 0o777 == 0o600, path


def test_a_host_has_only_its_own_keys(running: dict[str, Host], kits: Path) -> None:
    for name, host in running.items():
        found = {path.read_bytes() for path in (host.home / f"lan-{name}" / "kits").rglob("*.key")}
        own = [kit for kit, where in {**PLACED, "admin@quickstart.example": "hub"}.items() if where == name]
        assert found == {key.read_bytes() for kit in own for key in (kits / kit / "startup").glob("*.key")}


def test_nothing_runs_once_all_are_stopped(running: dict[str, Host]) -> None:
    for host in HOSTS:
        script(running, host, "stop")
        assert running[host].processes() == []
