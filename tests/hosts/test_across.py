"""A federation across four real hosts, from a fifth: from ``up`` to ``down``, in the order in which a user lives it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Child, eventually, run
from tests.hosts.deployment import PATH, PLACES, Across, private_keys
from tests.hosts.lan import UID

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

_LISTEN = """
import socket, sys, time
one = socket.socket()
one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
one.bind(("0.0.0.0", int(sys.argv[1])))
one.listen()
print("listens", flush=True)
while True:
    one.accept()[0].close()
"""


@contextmanager
def _joining(across: Across) -> Iterator[None]:
    """A process on the server's host, of the server's own user but outside of its container, that joins its port."""
    as_user = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups")
    argv = (*across.lan["hub"].enter, *as_user, sys.executable, "-c", _LISTEN, str(across.port))
    with Child(argv, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"listens\n"
            yield
        finally:
            process.kill()


@pytest.fixture(scope="module")
def started(across: Across) -> Across:
    ended = across.up("--yes")
    assert ended.returncode == 0, ended.err
    return across


def test_no_key_leaves_this_machine_before_somebody_has_agreed(across: Across) -> None:
    ended = across.up()
    assert ended.returncode == 1
    assert "the private keys of server1 to hub, site-1 to ward-a, site-2 to ward-b, site-3 to ward-c" in ended.err
    assert "agree with --yes" in ended.err
    for host in set(PLACES.values()):
        assert list((across.lan[host].folder / "srv").iterdir()) == []


def test_up_returns_when_everybody_is_registered(started: Across) -> None:
    for site in ("site-1", "site-2", "site-3"):
        assert started.log(site).count(f"Successfully registered client:{site}") == 1


def test_status_knows_the_hosts(started: Across) -> None:
    ended = started.does("status", "--json")
    assert ended.returncode == 0, ended.err
    rows = json.loads(ended.out)["participants"]
    assert {row["name"]: row["host"] for row in rows} == PLACES
    assert {(row["state"], row["health"], row["registered"]) for row in rows} == {("running", "healthy", True)}


def test_names_lead_to_the_servers_host_and_on_it_to_itself(started: Across) -> None:
    def resolved(name: str) -> str:
        container = f"{started.project}-{name}-1"
        return started.lan[PLACES[name]].docker("exec", container, "getent", "hosts", "server1").split()[0]

    hub = started.lan["hub"].address
    assert {name: resolved(name) for name in PLACES} == dict.fromkeys(PLACES, hub) | {"server1": "127.0.0.1"}


@pytest.mark.parametrize("name", PLACES)
def test_files_belong_to_the_ssh_user_alone_and_the_container_runs_as_that_user(started: Across, name: str) -> None:
    there = started.there(PLACES[name])
    for path in [there, *(path for path in there.rglob("*") if "workspaces" not in path.parts)]:
        found = path.stat()
        assert (found.st_uid, found.st_gid) == (UID, UID), path
        assert found.st_mode & 0o077 == 0 or "job-store" in path.parts, path
    status = Path("/proc", str(started.container(name)["State"]["Pid"]), "status").read_text()
    assert re.search(rf"^Uid:\s+{UID}\s", status, re.MULTILINE)


@pytest.mark.parametrize("name", PLACES)
def test_on_no_host_lies_a_key_of_somebody_elses(started: Across, name: str) -> None:
    """Everything of the host is searched: its disk, its home, and every layer and container of its engine."""
    keys = private_keys(started.kits)
    folder = started.lan[PLACES[name]].folder
    strangers = [line for other, lines in keys.items() if other != name for line in lines]
    assert strangers
    patterns = [part for line in strangers for part in ("-e", line)]
    found = run(["grep", "-rlF", *patterns, folder])
    assert (found.returncode, found.out) == (1, "")
    own = run(["grep", "-rlF", "-e", keys[name][0], folder]).out.splitlines()
    assert [path for path in own if f"/kits/{name}/startup/" not in path] == []
    assert len(own) == 1


def test_three_rounds_of_plus_one(started: Across, tmp_path: Path) -> None:
    job = started.nvflare("job", "submit", "-j", "examples/quickstart/job")["data"]["job_id"]
    waited = started.nvflare("job", "wait", job, "--timeout", "180", "--interval", "1")
    assert waited["data"]["status"] == "FINISHED:COMPLETED"
    ended = run([*started.enter_at(tmp_path), "admin", "-C", started.folder, "--", "job", "download", job])
    assert ended.returncode == 0, ended.err
    import numpy

    weights = numpy.load(tmp_path / job / "workspace" / "models" / "server.npy")
    assert weights.tolist() == [[4.0, 5.0], [6.0, 7.0]]


def test_a_second_up_sends_nothing(started: Across) -> None:
    before = {name: started.container(name)["Id"] for name in PLACES}
    ended = started.up("-v")
    assert ended.returncode == 0, ended.err
    assert "of images" not in ended.err
    assert re.findall(r"(\d+) files sent", ended.err) == ["0"] * 4
    assert {name: started.container(name)["Id"] for name in PLACES} == before


def test_a_second_listener_on_the_servers_port_is_told(started: Across) -> None:
    assert started.does("status").returncode == 0
    told = f"port {started.port} has several listeners: "
    with _joining(started):
        ended = started.does("status", "--json")
        again = started.up("--timeout", "20")
    assert ended.returncode == 3, ended.err
    rows = {row["name"]: row for row in json.loads(ended.out)["participants"]}
    assert told in rows["server1"]["detail"]
    assert "one outside of its container" in rows["server1"]["detail"]
    assert (rows["server1"]["state"], rows["server1"]["health"]) == ("running", "unhealthy")
    assert again.returncode == 3, again.err
    assert re.search(rf"server1.*{told}", again.err)
    assert started.status()["healthy"]


def test_logs_of_all_hosts_carry_names(started: Across) -> None:
    ended = started.does("logs", "-n", "3")
    assert ended.returncode == 0, ended.err
    assert {line.split("|")[0].strip() for line in ended.out.splitlines()} == set(PLACES)


def test_a_kit_that_was_changed_on_its_host_is_found_and_replaced(started: Across) -> None:
    path = started.there("ward-b") / "kits" / "site-2" / "startup" / "fed_client.json"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"server1", b"server9"))
    rows = started.rows()
    assert rows["site-2"]["drift"] == "kits/site-2/startup/fed_client.json was changed on ward-b"
    assert rows["site-1"]["drift"] == ""
    ended = started.up()
    assert ended.returncode == 0, ended.err
    assert "ward-b: kits/site-2/startup/fed_client.json was changed there; it is replaced" in ended.err
    assert path.read_bytes() == whole
    assert started.rows()["site-2"]["drift"] == ""


def test_a_site_that_is_cut_off_comes_back_and_nobody_else_notices(started: Across) -> None:
    ward = started.lan["ward-a"]
    others = {name: started.log(name).count("Successfully registered") for name in ("site-2", "site-3")}
    ward.link("down")
    cut = time.monotonic()
    try:
        while time.monotonic() - cut < 60:
            asked = time.monotonic()
            rows = started.rows()
            assert time.monotonic() - asked < 11.5
            assert (rows["site-1"]["state"], rows["site-1"]["registered"]) == ("unknown", False)
            assert "ward-a" in rows["site-1"]["detail"]
            assert {rows[name]["registered"] for name in ("server1", "site-2", "site-3")} == {True}
            time.sleep(2)
    finally:
        ward.link("up")
    eventually(lambda: bool(started.rows()["site-1"]["registered"]), 25)
    assert started.status()["healthy"]
    assert {name: started.log(name).count("Successfully registered") for name in others} == others
    assert started.nvflare("job", "list")["status"] == "ok"


def test_an_engine_that_is_restarted_brings_its_site_back(started: Across) -> None:
    ward = started.lan["ward-b"]
    ward.stop("dockerd")
    row = started.rows()["site-2"]
    assert (row["state"], row["registered"]) == ("unknown", False)
    assert "ward-b" in row["detail"]
    ward.start_engine()
    eventually(lambda: bool(started.status()["healthy"]))


def test_why_a_site_cannot_reach_the_server_is_tried_on_its_own_host(started: Across) -> None:
    ward, hub = started.lan["ward-c"], started.lan["hub"]
    container = f"{started.project}-site-3-1"
    rule = ("OUTPUT", "-d", hub.address, "-j", "DROP")
    ward.does("iptables", "-A", *rule)
    try:
        ward.docker("restart", container)
        ended = started.up("--timeout", "5")
        assert ended.returncode == 3
        assert re.search(r"site-3 has not registered after 5 s: server1:\d+: route: no way to 10\.77\.0\.2", ended.err)
        assert "site-1" not in ended.err.partition("error:")[2]
    finally:
        ward.does("iptables", "-D", *rule)
    eventually(lambda: bool(started.status()["healthy"]))
    hub.docker("stop", f"{started.project}-server1-1")
    ward.docker("restart", container)
    eventually(lambda: "port: nobody listens on it at 10.77.0.2" in started.rows()["site-3"]["detail"])
    assert started.up().returncode == 0


def test_down_keeps_workspaces_and_purge_leaves_nothing(started: Across) -> None:
    assert started.does("down").returncode == 0
    for name, host in PLACES.items():
        assert started.lan[host].docker("ps", "--all", "--quiet") == ""
        assert (started.there(host) / "workspaces" / name / "log.txt").exists()
    assert started.up().returncode == 0
    ended = started.does("down", "--purge", "--yes")
    assert ended.returncode == 0, ended.err
    for host in PLACES.values():
        machine = started.lan[host]
        assert machine.docker("ps", "--all", "--quiet") == ""
        assert machine.docker("images", "--all", "--quiet") == ""
        # Other suites give files in /tmp to the same uid: what counts is what came after the hosts.
        since = ("-user", "ops", "-not", "-path", "/srv", "-cnewer", str(machine.folder / "sshd_config"))
        assert machine.does("find", "/srv", "-ignore_readdir_race", *since) == ""
        # What they delete of it meanwhile, too.
        others = ("-name", "pytest-of-*", "-prune", "-o")
        assert machine.does("find", "/tmp", "-ignore_readdir_race", *others, *since, "-print") == ""
        assert PATH.startswith("/srv/")
    assert not started.folder.exists()
