"""Networks that break: in the namespaces of the federation's own containers, on a bridge."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT, Deployment, Ended, causes, docker, eventually, free_port, nvflare, provision, tree
from tests.docker.faults.stack import containers, healthy, inspect, port_of, python_pid, registrations, rows, sh

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]


def inside(deployment: Deployment, service: str, *argv: str) -> str:
    """Run a program of this machine in the network namespace of a participant's container."""
    return sh("nsenter", "--target", str(python_pid(deployment, service)), "--net", *argv)


@pytest.fixture(scope="module")
def bridged(engine: None, definition: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A federation on a bridge, every participant in a network namespace of its own; a dead site is dropped soon."""
    folder = tmp_path_factory.mktemp("bridged")
    port = free_port()
    kits = provision(folder, f"net{port}", port)
    config = kits / "server1" / "startup" / "fed_server.json"
    text = json.loads(config.read_text())
    text["servers"][0]["heart_beat_timeout"] = 75
    config.write_text(json.dumps(text))
    before = tree(kits)
    chosen = folder / "composer.yml"
    chosen.write_text((definition.read_text() if definition else "") + "\nnetwork: bridge\npublish: 127.0.0.31\n")
    deployment = Deployment(folder / "deployment", kits, chosen)
    with deployment.running():
        yield deployment
        assert tree(kits) == before


@dataclass(frozen=True)
class Waiting:
    """A site that is up without its server, which is there but stopped."""

    deployment: Deployment
    early: Ended
    since: float


@pytest.fixture(scope="module")
def waiting(engine: None, definition: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waiting]:
    folder, port = tmp_path_factory.mktemp("waiting"), free_port()
    kits = provision(folder, f"late{port}", port)
    chosen = folder / "composer.yml"
    chosen.write_text((definition.read_text() if definition else "") + "\nextra_hosts: {server1: 127.0.0.1}\n")
    site = Deployment(folder / "deployment", kits / "site-1", chosen)
    everybody = Deployment(site.folder, kits, chosen)
    try:
        early = site.up("--timeout", "5")
        assert list(containers(site)) == [site.container("site-1")]
        ended = everybody.up()
        assert ended.returncode == 0, ended.err
        docker("stop", everybody.container("server1"))
        docker("restart", everybody.container("site-1"))
        yield Waiting(everybody, early, time.monotonic())
    finally:
        everybody.forget()


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


@pytest.mark.fault(11)
def test_a_site_that_was_first_says_what_it_waits_for(waiting: Waiting) -> None:
    assert waiting.early.returncode == 3
    port = port_of(waiting.deployment.kits)
    said = f"site-1 has not registered after 5 s: server1:{port}: port: nobody listens on it"
    assert said in waiting.early.err
    eventually(lambda: "port: nobody listens on it" in rows(waiting.deployment)["site-1"]["detail"])
    assert not rows(waiting.deployment)["site-1"]["registered"]
    assert causes(waiting.deployment.run("why", "--json")) == {"server1": "STOPPED", "site-1": "SERVER"}


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
        assert causes(net.run("why", "--json"))["site-1"] in ("DROPPED", "ROUTE")
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


@pytest.mark.fault(12)
def test_a_wrong_address_is_named_and_a_second_up_recreates_only_who_had_it(
    definition: Path | None, tmp_path: Path, engine: None
) -> None:
    port = free_port()
    kits = provision(tmp_path, f"wrong{port}", port)
    shutil.rmtree(kits / "site-2")
    text = definition.read_text() if definition else ""
    chosen = tmp_path / "composer.yml"
    # An address that is kept for documentation (RFC 5737): nobody has it.
    chosen.write_text(f"{text}\nextra_hosts: {{server1: 192.0.2.1}}\n")
    deployment = Deployment(tmp_path / "deployment", kits, chosen)
    said = "server1 runs here, but extra_hosts has it at 192.0.2.1, which is not this machine"
    try:
        doctor = deployment.on_kits("doctor")
        assert f"[WARNING HOST] {said}" in doctor.out
        wrong = deployment.up("--timeout", "10")
        assert wrong.returncode == 3
        assert f"warning: {said} (HOST); take server1 out of extra_hosts in composer.yml" in wrong.err
        assert f"site-1 has not registered after 10 s: server1:{port} at 192.0.2.1: " in wrong.err
        why = deployment.run("why", "--json")
        # A router may answer in the place of nobody.
        assert why.returncode == 3
        assert causes(why) in ({"site-1": "ROUTE"}, {"site-1": "PORT"}), why.out
        before = containers(deployment)
        chosen.write_text(text)
        ended = deployment.up()
        assert ended.returncode == 0, ended.err
        assert "HOST" not in ended.err + deployment.on_kits("doctor").out
        after = containers(deployment)
        changed = {name for name in after if after[name] != before.get(name)}
        assert (set(after), changed) == (set(before), {deployment.container("site-1")})
        assert healthy(deployment)
    finally:
        deployment.forget()


@pytest.mark.fault(11)
def test_a_server_that_comes_five_minutes_late_finds_the_site_waiting(waiting: Waiting) -> None:
    """The last of its module: it has waited while the others ran."""
    deployment = waiting.deployment
    started = inspect(deployment, "site-1")["State"]["StartedAt"]
    time.sleep(max(0.0, waiting.since + 300 - time.monotonic()))
    row = rows(deployment)["site-1"]
    assert not row["registered"]
    assert "port: nobody listens on it" in row["detail"]
    docker("start", deployment.container("server1"))
    eventually(lambda: rows(deployment)["site-1"]["registered"])
    # Docker, which has seen it without a server, looks again within 150 s.
    eventually(lambda: healthy(deployment), 240)
    assert inspect(deployment, "site-1")["State"]["StartedAt"] == started
    assert rows(deployment)["site-1"]["restarts"] == 0
