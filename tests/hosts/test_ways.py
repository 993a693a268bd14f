"""What goes to all hosts besides ``up`` and ``down``: doctor, images, an admin's console; jump hosts and odd clocks."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Ended, eventually
from tests.console import converse
from tests.hosts.deployment import PLACES, Across
from tests.hosts.lan import OPERATOR, Machine

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

ADMIN = "admin@quickstart.example"
_LISTEN = "import socket, sys, time; s = socket.create_server(('0.0.0.0', int(sys.argv[1]))); time.sleep(600)"


@pytest.fixture(scope="module")
def running(across: Across, definition: Path | None) -> Iterator[Across]:
    """The federation, with the administrator's kit on the hub."""
    across.build_again()
    across.place({**PLACES, ADMIN: "hub"}, definition)
    ended = across.up("--yes")
    assert ended.returncode == 0, ended.err
    yield across
    across.place(PLACES, definition)
    assert across.up("--yes").returncode == 0
    assert across.does("down").returncode == 0


def doctor(across: Across) -> tuple[Ended, set[tuple[str, str, str]]]:
    """What ``composer doctor`` finds on the hosts, and not on this machine."""
    ended = across.run("doctor", across.kits, "-f", across.definition, "-C", across.folder, "--json")
    found = {(one["severity"], one["id"], one["message"]) for one in json.loads(ended.out)}
    return ended, {one for one in found if re.match(r"hub|ward-", one[2])}


@contextmanager
def late(host: Machine, seconds: int) -> Iterator[None]:
    """A clock that is off: there is one for all namespaces, so it is the host's ``date`` that says so."""
    (host.folder / "bin").mkdir()
    date = host.folder / "bin" / "date"
    date.write_text(f'#!/bin/sh\nexec /bin/date --date="-{seconds} seconds" "$@"\n')
    date.chmod(0o755)
    config = host.folder / "sshd_config"
    whole = config.read_text()
    config.write_text(f"{whole}SetEnv PATH={date.parent}:/usr/bin:/bin:/usr/sbin:/sbin\n")
    host.stop("sshd")
    host.start_ssh()
    try:
        yield
    finally:
        config.write_text(whole)
        host.stop("sshd")
        host.start_ssh()
        date.unlink()
        date.parent.rmdir()


@contextmanager
def behind(across: Across, ward: Machine, hub: Machine) -> Iterator[None]:
    """The ward takes SSH from the hub alone, and the operator's ~/.ssh/config knows that."""
    config = across.lan.operator.folder / "home" / "operator" / ".ssh" / "config"
    whole = config.read_text()
    rule = ("INPUT", "-p", "tcp", "--dport", "22", "-s", OPERATOR, "-j", "REJECT")
    config.write_text(whole.replace("Host first-ward\n", f"Host first-ward\n  ProxyJump ops@{hub.address}\n"))
    ward.does("iptables", "-A", *rule)
    try:
        yield
    finally:
        ward.does("iptables", "-D", *rule)
        config.write_text(whole)


def test_doctor_finds_nothing_on_hosts_that_are_well(running: Across) -> None:
    assert doctor(running)[1] == set()


def test_doctor_looks_at_all_hosts_and_names_what_is_wrong_on_each(running: Across) -> None:
    wards = [running.lan[name] for name in ("ward-a", "ward-b")]
    wards[0].stop("sshd")
    wards[1].stop("dockerd")
    try:
        ended, found = doctor(running)
    finally:
        wards[0].start_ssh()
        wards[1].start_engine()
    assert ended.returncode == 3
    assert ("error", "HOST", "ward-a: nobody listens on its SSH port") in found
    assert ("error", "HOST", "ward-b: its Docker engine does not answer") in found
    assert not any(message.startswith(("hub", "ward-c")) for _, _, message in found)
    eventually(lambda: bool(running.status()["healthy"]))


def test_doctor_finds_who_holds_a_port_of_a_participant_that_does_not_run(running: Across) -> None:
    hub = running.lan["hub"]
    hub.docker("stop", f"{running.project}-server1-1")
    listener = ("sh", "-c", f'{sys.executable} -c "$0" {running.port} >/dev/null 2>&1 & echo $!', _LISTEN)
    pid = hub.does(*listener).strip()
    try:
        eventually(lambda: bool(hub.does("ss", "-Hltn", f"sport = :{running.port}")), 20)
        ended, found = doctor(running)
        assert ("error", "PORT", f"hub: port {running.port} of server1 is taken") in found
        assert ended.returncode == 3
    finally:
        hub.does("kill", pid)
    assert running.up().returncode == 0


def test_images_have_a_row_here_and_one_on_their_own_host(running: Across) -> None:
    listed = json.loads(running.does("images", "--json").out)["images"]
    assert {(row["host"], row["name"], row["state"]) for row in listed if row["host"] != "local"} == {
        *((host, name, "fresh") for name, host in PLACES.items()),
        ("hub", ADMIN, "fresh"),
    }
    with_host_away = running.lan["ward-c"]
    with_host_away.link("down")
    try:
        ended = running.does("images", "--json")
    finally:
        with_host_away.link("up")
    assert ended.returncode == 0, ended.err
    rows = {(row["host"], row["name"]): row["state"] for row in json.loads(ended.out)["images"]}
    assert (rows["ward-c", "site-3"], rows["ward-b", "site-2"]) == ("unknown", "fresh")


def test_a_command_of_an_admin_on_another_host_is_refused_with_the_reason(running: Across) -> None:
    ended = running.does("admin", "--", "job", "list")
    assert ended.returncode == 1
    assert f"the kit of {ADMIN} is on hub, where a command cannot see the folder that you are in" in ended.err
    assert "hint: take its host out of composer.yml" in ended.err


def test_the_console_of_an_admin_on_another_host_opens_there(running: Across) -> None:
    argv = [*running.enter_at(running.folder), "admin", "-C", str(running.folder)]

    def all_are_there() -> bool:
        said = converse(argv, [("User Name:", ADMIN), ("> ", "check_status client"), ("> ", "bye")])
        assert "Done" in said
        return all(site in said for site in ("site-1", "site-2", "site-3"))

    # The server leaves out who has not answered it within a moment.
    eventually(all_are_there)
    assert running.lan["hub"].docker("ps", "--quiet", "--filter", "label=com.docker.compose.oneoff=True") == ""


def test_a_host_behind_another_is_reached_through_it(running: Across) -> None:
    ward, hub = running.lan["ward-a"], running.lan["hub"]
    log = ward.folder / "sshd.log"
    with behind(running, ward, hub):
        seen = len(log.read_bytes())
        ended = running.up()
        assert ended.returncode == 0, ended.err
        assert running.status()["healthy"]
        assert f"Accepted publickey for ops from {hub.address}" in log.read_bytes()[seen:].decode()
        hub.link("down")
        try:
            rows = running.rows()
        finally:
            hub.link("up")
        assert (rows["site-1"]["state"], rows["server1"]["state"]) == ("unknown", "unknown")
    eventually(lambda: bool(running.status()["healthy"]))


def test_a_clock_that_is_off_is_told_by_up_and_by_doctor(running: Across) -> None:
    with late(running.lan["ward-b"], 300):
        ended = running.up()
        assert ended.returncode == 0, ended.err
        assert re.search(r"ward-b: its clock is (299|300|301) s behind; certificates are valid by its own", ended.err)
        ended, found = doctor(running)
    assert ended.returncode == 0
    assert {(severity, id_) for severity, id_, _ in found} == {("warning", "CLOCK")}
    assert "ward-b: its clock is" in next(iter(found))[2]
