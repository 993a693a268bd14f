"""What ``composer doctor`` says of machines and engines as they come."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from composer.definition import Definition
from composer.deployment.manifest import Manifest
from composer.images.build_inputs import BuildInputs
from composer.model.errors import ComposerError
from composer.model.federation import Federation, HostEntry, Mount
from composer.model.files import Owner
from composer.model.kit import Connection, Listener, Project
from composer.render.deployment import deployed_participant
from composer.resolve import resolve_federation
from composer.runtimes.engine_facts import EngineFacts, engine_facts
from composer.runtimes.lifecycle import form_of
from composer.runtimes.ports import require_free_ports
from composer.system.probe import holder_of, resolved
from composer.usecases.doctor import Machine, examine_machine
from tests.conftest import Child, free_port, missing
from tests.golden.cases import bridge, kit, one_site, two_sites

NOW = datetime(2026, 12, 1, tzinfo=timezone.utc)
ENGINE = EngineFacts((27, 3), "Debian GNU/Linux 12", False, False, True, False, Path("/var/lib/docker"), NOW)


def found(
    tmp_path: Path, engine: EngineFacts | None = ENGINE, federation: Federation | None = None, now: datetime = NOW
) -> dict[str, str]:
    findings = examine_machine(Machine(engine, tmp_path / "deployment", federation, frozenset(), now))
    return {finding.id: f"{finding.severity}: {finding.message}; {finding.fix}" for finding in findings}


def manifest_of(federation: Federation) -> Manifest:
    participants = tuple(
        deployed_participant(one, federation, form_of(federation.runtime)) for one in federation.participants
    )
    return Manifest("0", "f", "f", (), None, participants, {}, publish=federation.publish, runtime=federation.runtime)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (replace(ENGINE, rootless=True), "error: with rootless Docker before 29.5"),
        (replace(ENGINE, system="Docker Desktop"), "error: Docker Desktop's host networking"),
        (replace(ENGINE, podman=True), "warning: the engine is Podman"),
        (replace(ENGINE, local=False), "warning: the engine is on another machine"),
    ],
)
def test_engines_on_which_host_networking_means_something_else(tmp_path: Path, engine: EngineFacts, said: str) -> None:
    assert found(tmp_path, engine)["ENGINE"].startswith(said)


def test_an_engine_that_is_as_it_should_be(tmp_path: Path) -> None:
    assert "ENGINE" not in found(tmp_path)
    assert "ENGINE" not in found(tmp_path, replace(ENGINE, rootless=True, version=(29, 5)))


@pytest.mark.parametrize("engine", [replace(ENGINE, rootless=True), replace(ENGINE, system="Docker Desktop")])
def test_who_does_not_use_host_networking_hears_nothing_of_it(tmp_path: Path, engine: EngineFacts) -> None:
    assert "ENGINE" not in found(tmp_path, engine, bridge())


def test_an_engine_that_confines_containers_by_selinux(tmp_path: Path) -> None:
    assert "SELINUX" not in found(tmp_path)
    assert "label=disable" in found(tmp_path, replace(ENGINE, selinux=True))["SELINUX"]


def test_data_that_is_not_there(tmp_path: Path) -> None:
    federation = one_site()
    (site,) = federation.participants
    there = replace(site, data=(Mount(tmp_path, "/data"),), user=Owner(os.geteuid(), os.getegid()))
    assert "DATA" not in found(tmp_path, federation=replace(federation, participants=(there,)))
    gone = replace(site, data=(Mount(tmp_path / "gone", "/data"),))
    assert (
        f"site-1 is to see {tmp_path}/gone"
        in found(tmp_path, federation=replace(federation, participants=(gone,)))["DATA"]
    )
    elsewhere = replace(gone, host="ward")
    assert "DATA" not in found(tmp_path, federation=replace(federation, participants=(elsewhere,)))


@pytest.mark.parametrize(
    ("mode", "read_only", "well"),
    [(0o755, True, True), (0o750, True, False), (0o744, True, False), (0o755, False, False), (0o757, False, True)],
)
def test_data_that_the_containers_user_cannot_use(tmp_path: Path, mode: int, read_only: bool, well: bool) -> None:
    place, stranger = tmp_path / "data", Owner(54321, 54321)
    place.mkdir()
    place.chmod(mode)
    federation = one_site()
    (site,) = federation.participants
    seeing = replace(site, data=(Mount(place, "/data", read_only),), user=stranger)
    said = found(tmp_path, federation=replace(federation, participants=(seeing,))).get("DATA", "")
    assert said.startswith("" if well else "warning: site-1 is to read")
    assert bool(said) is not well
    own = replace(seeing, user=Owner(place.stat().st_uid, 1))
    assert "DATA" not in found(tmp_path, federation=replace(federation, participants=(own,)))


def test_kits_for_one_machine_are_well_on_it(tmp_path: Path) -> None:
    kits = (
        kit("localhost", "server", listens_on=(Listener("localhost", 8002),)),
        kit("site-1", "client", connects_to=(Connection("localhost", "localhost", 8002),)),
    )
    here = resolve_federation(Project("p", kits), Definition(), BuildInputs(), tmp_path, Owner(1000, 1000))
    assert "NAME" not in found(tmp_path, federation=here)


@pytest.mark.fault(26)
def test_clocks_that_differ_and_certificates_from_the_future(tmp_path: Path) -> None:
    assert "CLOCK" not in found(tmp_path, federation=two_sites())
    assert "off by 600 s" in found(tmp_path, replace(ENGINE, time=NOW + timedelta(minutes=10)))["CLOCK"]
    early = two_sites().participants[0].kit.certificate.not_before - timedelta(minutes=10)
    assert "this clock is slow" in found(tmp_path, None, two_sites(), early)["CLOCK"]


def test_a_proxy_without_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert "image.ca_bundle" in found(tmp_path)["PROXY"]
    assert "PROXY" not in found(tmp_path, federation=one_site())


GIB = 1 << 30


def test_an_engine_says_how_much_memory_its_machine_has() -> None:
    said = {"ServerVersion": "27.3.1", "MemTotal": 64 * GIB, "SystemTime": "2026-11-24T10:00:00Z"}
    assert engine_facts(said, {}, True).memory == 64 * GIB
    assert engine_facts({**said, "MemTotal": None}, {}, True).memory == 0


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (
            ("", "", ""),
            "warning: server1, site-1, site-2 have no memory limit: the jobs of each may take all of this machine's "
            "64 GiB; write memory in composer.yml: 64 GiB are left for 3, 21.3 GiB each",
        ),
        (
            ("8g", "40 GiB", ""),
            "warning: site-2 has no memory limit: its jobs may take all of this machine's 64 GiB, of which the others "
            "may take 48 GiB; write memory in composer.yml: 16 GiB are left for 1, 16 GiB each",
        ),
        (
            ("8g", "32g", "32.5g"),
            "warning: the memory limits are more than this machine's 64 GiB: server1 8 GiB + site-1 32 GiB + "
            "site-2 32.5 GiB = 72.5 GiB; lower memory in composer.yml, or let some of them run on another host",
        ),
        (("8g", "28g", "28g"), None),
    ],
)
def test_memory_is_told_with_the_arithmetic(tmp_path: Path, limits: tuple[str, ...], said: str | None) -> None:
    federation = two_sites()
    participants = (replace(one, memory=limit) for one, limit in zip(federation.started, limits, strict=True))
    federation = replace(federation, participants=tuple(participants))
    assert found(tmp_path, replace(ENGINE, memory=64 * GIB), federation).get("MEMORY") == said
    # Nothing is reckoned with what is not known.
    assert "MEMORY" not in found(tmp_path, ENGINE, federation)


def test_gpus_that_the_engine_cannot_give(tmp_path: Path) -> None:
    assert found(tmp_path, federation=one_site())["GPU"].startswith("error: site-1 asks for GPUs")
    assert "GPU" not in found(tmp_path, replace(ENGINE, gpus=True), one_site())


@pytest.mark.fault(22)
@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")])
def test_a_taken_port_comes_with_its_holders_name(tmp_path: Path, family: int, address: str) -> None:
    with socket.socket(family) as holder:
        if family == socket.AF_INET6:
            holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        holder.bind((address, 0))
        holder.listen()
        port = holder.getsockname()[1]
        assert holder_of(port).endswith(f"(process {os.getpid()})")
        federation = two_sites()
        server = replace(federation.participants[0], ports=(port,))
        said = found(tmp_path, None, replace(federation, participants=(server,)))["PORT"]
        assert f"port {port} of server1 is taken on {'IPv6' if family == socket.AF_INET6 else 'IPv4'} by" in said
    assert holder_of(port) == ""


def test_an_address_that_this_machine_has_not_is_told_as_up_tells_it(tmp_path: Path) -> None:
    federation = replace(two_sites(), network="bridge", publish="203.0.113.9")
    server = replace(federation.participants[0], ports=(free_port(),))
    federation = replace(federation, participants=(server,))
    manifest = manifest_of(federation)
    with pytest.raises(ComposerError) as caught:
        require_free_ports(manifest, ())
    said = found(tmp_path, None, federation)["PORT"]
    assert said == f"error: {caught.value.message}; {caught.value.hint}"
    assert "of server1 cannot be opened on 203.0.113.9" in said


def test_a_port_that_only_root_may_open_is_told_as_up_tells_it(tmp_path: Path) -> None:
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) == 0:
        missing("every user may open every port here")
    federation = two_sites()
    server = replace(federation.participants[0], ports=(1,))
    federation = replace(federation, participants=(server,))
    with pytest.raises(ComposerError) as caught:
        require_free_ports(manifest_of(federation), ())
    said = found(tmp_path, None, federation)["PORT"]
    assert said == f"error: {caught.value.message}; {caught.value.hint}"
    assert "port 1 of server1 is one of those below" in said


def test_names_that_are_elsewhere_must_resolve_and_not_to_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    federation = two_sites()
    client = next(one for one in federation.participants if one.type == "client")
    away = replace(federation, participants=(replace(client, host_entries=()),))
    for addresses, said in (
        ((), "does not resolve"),
        (("127.0.1.1",), "resolves to 127.0.1.1, this machine itself"),
    ):
        monkeypatch.setattr("composer.usecases.doctor.resolved", lambda name, addresses=addresses: addresses)
        assert said in found(tmp_path, None, away)["NAME"]
    monkeypatch.setattr("composer.usecases.doctor.resolved", lambda name: ("10.1.2.3",))
    assert "NAME" not in found(tmp_path, None, away)
    assert "NAME" not in found(tmp_path, None, federation)


def test_resolving_asks_this_machine() -> None:
    assert "127.0.0.1" in resolved("localhost")
    assert resolved("no-such-name.invalid") == ()


def test_a_name_of_this_machine_that_leads_elsewhere(tmp_path: Path) -> None:
    federation = two_sites()
    client = next(one for one in federation.participants if one.type == "client")
    for address, found_there in (("192.0.2.1", True), ("127.0.0.1", False), ("::1", False)):
        sent = replace(client, host_entries=(HostEntry("server1", address),))
        said = found(tmp_path, None, replace(federation, participants=(federation.participants[0], sent)))
        assert ("HOST" in said) == found_there
    assert "HOST" not in found(tmp_path, None, federation)


def test_a_server_that_somebody_else_runs_is_tried(tmp_path: Path) -> None:
    site = one_site().participants[0]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    connection = Connection("server1", "server1", port)
    here = replace(site, kit=replace(site.kit, connects_to=(connection,)), host_entries=(HostEntry("server1", "::1"),))
    said = found(tmp_path, None, replace(one_site(), participants=(here,)))["HOST"]
    assert said.startswith(f"warning: site-1 cannot reach server1:{port} at ::1: port: nobody listens on it; ")
    assert "correct server1 in extra_hosts" in said


NAMED = """
import socket, sys
open("/proc/self/comm", "wb").write(b"\\x1b]0;P\\x07\\n\\xff\\xe2\\x80\\xae")
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="names of processes are read from /proc")
def test_whoever_holds_a_port_is_named_in_one_printable_line() -> None:
    argv = [sys.executable, "-c", NAMED]
    with Child(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        name = holder_of(int(holder.stdout.readline()))
        assert name == f"\\x1b]0;P\\x07\\n\ufffd\\u202e (process {holder.pid})"
        holder.communicate("")
