"""One host that cannot do its part: it is named, nothing is half-done there, and the others federate."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Child, Ended, composer, eventually
from tests.hosts.deployment import Across
from tests.hosts.lan import UID, Machine

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

WELL = ("server1", "site-1", "site-2")


@pytest.fixture
def clean(across: Across) -> Iterator[Across]:
    """A federation that does not run, before and after."""
    across.build_again()
    yield across
    across.lan.trust()
    assert across.does("down").returncode == 0


@contextmanager
def away(host: Machine) -> Iterator[None]:
    host.link("down")
    try:
        yield
    finally:
        host.link("up")


@contextmanager
def another_host_key(host: Machine) -> Iterator[None]:
    host.new_host_key()
    yield


@contextmanager
def full_disk(host: Machine) -> Iterator[None]:
    host.does("mount", "-t", "tmpfs", "-o", f"size=16k,uid={UID},gid={UID},mode=0755", "tmpfs", "/srv")
    try:
        yield
        assert host.does("find", "/srv", "-type", "f") == ""
    finally:
        host.does("umount", "/srv")


@contextmanager
def no_engine(host: Machine) -> Iterator[None]:
    host.stop("dockerd")
    try:
        yield
    finally:
        host.start_engine()


@contextmanager
def folder_of_somebody_else(host: Machine) -> Iterator[None]:
    host.does("chown", "-R", "0:0", "/srv/flare")
    try:
        yield
    finally:
        host.does("chown", "-R", f"{UID}:{UID}", "/srv/flare")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (away, "ward-c: it does not answer"),
        (another_host_key, "ward-c: its SSH host key is not the one that is known"),
        (full_disk, "ward-c: its disk is full"),
        (no_engine, "ward-c: its Docker engine does not answer"),
        (folder_of_somebody_else, "ward-c: ops may not write in /srv/flare"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_could_be_done_is_done_and_what_failed_is_named(clean: Across, bad: object, said: str) -> None:
    ward = clean.lan["ward-c"]
    with bad(ward):  # type: ignore[operator]
        ended = clean.up("--yes")
        assert ended.returncode == 1, ended.err
        failure = ended.err.partition("error:")[2]
        assert failure.strip().startswith(said)
        assert "hint:" in failure
        assert "Traceback" not in ended.err
        rows = {row["name"]: row for row in clean.status()["participants"]}
        assert [rows[name]["registered"] for name in WELL] == [True] * 3
        assert rows["site-3"]["registered"] is False
    clean.lan.trust()
    assert ward.docker("ps", "--all", "--quiet") == ""
    assert clean.up("--yes").returncode == 0
    assert clean.status()["healthy"]


def test_a_server_whose_host_is_away_is_not_waited_for(clean: Across) -> None:
    with away(clean.lan["hub"]):
        ended = clean.up("--yes", "--timeout", "300")
    assert ended.returncode == 1
    assert "hub: it does not answer" in ended.err


def test_an_interrupted_up_takes_back_what_it_has_started_on_all_hosts(clean: Across) -> None:
    hub, ward = clean.lan["hub"], clean.lan["ward-a"]
    assert ward.docker("ps", "--quiet") == ""
    hub.does("iptables", "-A", "INPUT", "-p", "tcp", "--dport", str(clean.port), "-j", "DROP")
    try:
        arguments = ("up", clean.kits, "-f", clean.definition, "-C", clean.folder, "--yes", "--timeout", "300")
        argv = [*clean.enter_at(clean.folder.parent), *map(str, arguments)]
        with Child(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            eventually(lambda: ward.docker("ps", "--quiet") != "")
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=120)
            ended = Ended(process.returncode, "", said)
    finally:
        hub.does("iptables", "-F", "INPUT")
    assert ended.returncode == 130, ended.err
    for host in clean.lan.hosts.values():
        assert host.docker("ps", "--all", "--quiet") == ""
        assert "ControlMaster" not in host.does("ps", "-eo", "args")


def test_a_site_that_crashes_again_and_again_is_taken_back_and_the_others_go_on(clean: Across) -> None:
    override = clean.folder / "hosts" / "ward-c" / "compose.override.yml"
    override.write_text('services: {"site-3": {"command": ["client", "no.such.module"]}}\n')
    ward = clean.lan["ward-c"]
    try:
        ended = clean.up("--yes")
        assert ended.returncode == 3, ended.err
        assert re.search(r"error: site-3 crashes again and again .*No module named", ended.err)
        assert ward.docker("ps", "--all", "--quiet") == ""
        rows = clean.rows()
        assert rows["site-3"]["state"] == "absent"
        eventually(lambda: all(clean.rows()[name]["registered"] for name in WELL))
    finally:
        override.unlink()
    assert clean.up().returncode == 0
    assert clean.status()["healthy"]


def sums_on_hosts(across: Across) -> dict[str, str]:
    """All that was delivered, with the SHA-256 that each file has now."""
    find = "find . -path ./workspaces -prune -o -path ./job-store -prune -o -type f -exec sha256sum {} +"
    folder = f"/srv/flare/{across.project}"
    return {name: host.does("env", "-C", folder, "sh", "-c", find) for name, host in across.lan.hosts.items()}


def test_what_hosts_refuse_is_found_before_any_kit_there_is_replaced(clean: Across, tmp_path: Path) -> None:
    """Kits of another authority, and another deployment folder for the same hosts: running or not."""
    assert clean.up("--yes").returncode == 0
    before = sums_on_hosts(clean)
    ended = composer("provision", clean.kits.parents[2] / "project.yml", "-w", tmp_path / "workspace")
    assert ended.returncode == 0, ended.err
    anew = Path(ended.out.strip())
    ended = clean.run("up", anew, "-f", clean.definition, "-C", clean.folder, "--yes")
    assert ended.returncode == 1, ended.err
    assert "the kits are of another authority than those with which" in ended.err
    assert sums_on_hosts(clean) == before

    second = tmp_path / "second"
    shutil.copytree(clean.folder.with_name("built"), second)
    another = ("up", clean.kits, "-f", clean.definition, "-C", second, "--yes")
    ended = clean.run(*another)
    assert ended.returncode == 1, ended.err
    assert "is not of this deployment" in ended.err
    assert sums_on_hosts(clean) == before
    assert all(row["registered"] for row in clean.rows().values())

    assert clean.does("down").returncode == 0
    ended = clean.run(*another)
    assert ended.returncode == 1, ended.err
    assert f"hub: what is in /srv/flare/{clean.project} was delivered by another deployment" in ended.err
    assert sums_on_hosts(clean) == before


def test_a_busy_port_of_a_host_is_found_before_a_kit_is_there(clean: Across) -> None:
    hub = clean.lan["hub"]
    hub.does("rm", "-rf", f"/srv/flare/{clean.project}")
    holding = [*hub.enter, "python3", "-c", f"import socket; s = socket.create_server(('', {clean.port})); input()"]
    with Child(holding, stdin=subprocess.PIPE) as holder:
        eventually(lambda: bool(hub.does("ss", "-Hltn", f"sport = :{clean.port}")))
        ended = clean.up("--yes")
        holder.kill()
    assert ended.returncode == 1, ended.err
    assert f"port {clean.port} of server1 is taken on hub" in ended.err
    assert list((hub.folder / "srv").rglob("*.key")) == []
