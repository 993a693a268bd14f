"""Networks that break: in the namespaces of the federation's own containers, on a bridge."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, Deployment, docker, provision, tree
from tests.docker.faults.stack import (
    containers,
    eventually,
    healthy,
    inspect,
    nvflare,
    own_port,
    python_pid,
    registrations,
    rows,
    sh,
)

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]


def inside(deployment: Deployment, service: str, *argv: str) -> str:
    """Run a program of this machine in the network namespace of a participant's container."""
    return sh("nsenter", "--target", str(python_pid(deployment, service)), "--net", *argv)


@pytest.fixture(scope="module")
def bridged(engine: None, definition: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A federation on a bridge, every participant in a network namespace of its own; a dead site is dropped soon."""
    folder = tmp_path_factory.mktemp("bridged")
    port = own_port()
    kits = provision(folder, f"net{port}", port)
    config = kits / "server1" / "startup" / "fed_server.json"
    text = json.loads(config.read_text())
    text["servers"][0]["heart_beat_timeout"] = 75
    config.write_text(json.dumps(text))
    before = tree(kits)
    chosen = folder / "composer.yml"
    chosen.write_text((definition.read_text() if definition else "") + "\nnetwork: bridge\npublish: 127.0.0.31\n")
    deployment = Deployment(folder / "deployment", kits, chosen)
    try:
        ended = deployment.up()
        assert ended.returncode == 0, ended.err
        yield deployment
        assert tree(kits) == before
    finally:
        deployment.run("down")


@pytest.fixture
def net(bridged: Deployment) -> Deployment:
    eventually(lambda: healthy(bridged), 240)
    return bridged


def server_log(deployment: Deployment) -> str:
    return (deployment.folder / "workspaces" / "server1" / "log.txt").read_text(errors="replace")


def works(deployment: Deployment) -> None:
    """A job needs every site: where it ends well, all are really there."""
    job = nvflare(deployment, "job", "submit", "-j", "examples/quickstart/job", cwd=ROOT)["job_id"]
    waited = nvflare(deployment, "job", "wait", job, "--timeout", "300", "--interval", "1", cwd=ROOT)
    assert waited["status"] == "FINISHED:COMPLETED"


@pytest.mark.fault(6)
def test_a_partition_of_a_minute_heals_by_itself_and_touches_nobody_else(net: Deployment) -> None:
    before = containers(net)
    others = registrations(net, "site-2")
    dropped = server_log(net).count("Remove the dead Client.")
    inside(net, "site-1", "ip", "link", "set", "eth0", "down")
    try:
        time.sleep(60)
        assert rows(net)["site-2"]["registered"]
    finally:
        inside(net, "site-1", "ip", "link", "set", "eth0", "up")
        gateway = docker(
            "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}", net.container("site-1")
        ).strip()
        inside(net, "site-1", "ip", "route", "replace", "default", "via", gateway)
    eventually(lambda: healthy(net))
    assert containers(net) == before
    assert registrations(net, "site-2") == others
    assert server_log(net).count("Remove the dead Client.") == dropped
    works(net)


@pytest.mark.fault(7)
def test_a_site_that_was_dropped_for_its_silence_is_told_so_and_comes_back(net: Deployment) -> None:
    rule = ("OUTPUT", "-o", "eth0", "-j", "DROP")
    dropped = "Remove the dead Client. Name: site-1"
    before = server_log(net).count(dropped)
    inside(net, "site-1", "iptables", "-I", *rule)
    try:
        eventually(lambda: server_log(net).count(dropped) == before + 1, 240)
        row = rows(net)["site-1"]
        assert not row["registered"]
        assert "the server does not have it" in row["detail"]
        assert net.run("status").returncode == 3
    finally:
        inside(net, "site-1", "iptables", "-D", *rule)
    eventually(lambda: healthy(net), 240)
    works(net)


@pytest.mark.fault(8)
def test_only_the_answers_are_lost(net: Deployment) -> None:
    rule = ("INPUT", "-i", "eth0", "-p", "tcp", "-j", "DROP")
    others = registrations(net, "site-2")
    inside(net, "site-1", "iptables", "-I", *rule)
    try:
        time.sleep(60)
        assert rows(net)["site-2"]["registered"]
    finally:
        inside(net, "site-1", "iptables", "-D", *rule)
    eventually(lambda: healthy(net), 240)
    assert registrations(net, "site-2") == others
    works(net)


@pytest.mark.fault(9)
def test_a_slow_link_registers_and_finishes_a_job(net: Deployment) -> None:
    shape = ("dev", "eth0", "root", "tbf", "rate", "256kbit", "burst", "16kb", "latency", "400ms")
    inside(net, "site-1", "tc", "qdisc", "add", *shape)
    try:
        seen = registrations(net, "site-1")
        # Within the same container, whose network is slow.
        nvflare(net, "system", "restart", "client", "site-1", "--force", cwd=ROOT)
        eventually(lambda: registrations(net, "site-1") == seen + 1)
        eventually(lambda: healthy(net), 240)
        works(net)
    finally:
        inside(net, "site-1", "tc", "qdisc", "del", "dev", "eth0", "root")


@pytest.mark.fault(10)
def test_connections_that_are_reset_again_and_again(net: Deployment) -> None:
    before = containers(net)
    rule = ("OUTPUT", "-o", "eth0", "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
    for pause in (0.5, 2, 0.2, 3, 1):
        inside(net, "site-1", "iptables", "-I", *rule)
        time.sleep(pause)
        inside(net, "site-1", "iptables", "-D", *rule)
        time.sleep(pause)
    eventually(lambda: healthy(net), 240)
    assert containers(net) == before
    works(net)


@pytest.mark.fault(11)
def test_a_site_that_was_first_waits_and_joins_without_a_restart(
    definition: Path | None, tmp_path: Path, engine: None
) -> None:
    port = own_port()
    kits = provision(tmp_path, f"late{port}", port)
    chosen = tmp_path / "composer.yml"
    chosen.write_text((definition.read_text() if definition else "") + "\nextra_hosts: {server1: 127.0.0.1}\n")
    site = Deployment(tmp_path / "deployment", kits / "site-1", chosen)
    everybody = Deployment(site.folder, kits, chosen)
    try:
        early = site.up("--timeout", "5")
        assert early.returncode == 3
        assert f"site-1 has not registered after 5 s: server1:{port}: port: nobody listens on it" in early.err
        assert list(containers(site)) == [site.container("site-1")]
        ended = everybody.up()
        assert ended.returncode == 0, ended.err
        docker("stop", everybody.container("server1"))
        docker("restart", everybody.container("site-1"))
        waiting = inspect(everybody, "site-1")["State"]["StartedAt"]
        time.sleep(60)
        row = rows(everybody)["site-1"]
        assert not row["registered"]
        assert "port: nobody listens on it" in row["detail"]
        docker("start", everybody.container("server1"))
        eventually(lambda: healthy(everybody))
        assert inspect(everybody, "site-1")["State"]["StartedAt"] == waiting
        assert rows(everybody)["site-1"]["restarts"] == 0
    finally:
        everybody.run("down")


@pytest.mark.fault(12)
def test_a_wrong_address_is_named_and_a_second_up_corrects_it(
    definition: Path | None, tmp_path: Path, engine: None
) -> None:
    port = own_port()
    kits = provision(tmp_path, f"wrong{port}", port)
    text = definition.read_text() if definition else ""
    chosen = tmp_path / "composer.yml"
    # An address that is kept for documentation (RFC 5737): nobody has it.
    chosen.write_text(f"{text}\nextra_hosts: {{server1: 192.0.2.1}}\n")
    deployment = Deployment(tmp_path / "deployment", kits, chosen)
    try:
        wrong = deployment.up("--timeout", "10")
        assert wrong.returncode == 3
        assert f"site-1 has not registered after 10 s: server1:{port} at 192.0.2.1: " in wrong.err
        chosen.write_text(text)
        ended = deployment.up()
        assert ended.returncode == 0, ended.err
        assert healthy(deployment)
    finally:
        deployment.run("down")
