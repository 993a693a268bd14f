"""One host that cannot do its part: it is named, nothing is half-done there, and the others federate."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import Ended, eventually
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
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
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
