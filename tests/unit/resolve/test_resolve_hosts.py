"""Who runs on which machine, and under which address each finds the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from composer.definition import Definition, HostChoice, ParticipantChoice
from composer.images.build_inputs import BuildInputs
from composer.model.errors import ComposerError
from composer.model.federation import Federation, HostEntry
from composer.model.host import Host
from composer.model.kit import Connection, Listener, Project
from composer.resolve import resolve_federation
from tests.golden.cases import OWNER, SERVER, kit

HUB = HostChoice("10.77.0.2", "ssh://ops@hub", "/srv/flare")
WARD = HostChoice("10.77.0.3", "context://ward", "/srv/flare")


def resolve(hosts: dict[str, HostChoice], places: dict[str, str], **more: object) -> Federation:
    participants = {name: ParticipantChoice(host=host) for name, host in places.items()}
    definition = Definition(hosts=hosts, participants=participants, **more)  # type: ignore[arg-type]
    kits = (kit(SERVER, "server"), kit("site-1", "client"), kit("site-2", "client"))
    return resolve_federation(Project("example", kits), definition, BuildInputs(), Path("/d"), OWNER)


def entries(federation: Federation) -> dict[str, tuple[HostEntry, ...]]:
    return {participant.name: participant.host_entries for participant in federation.participants}


def test_the_servers_name_is_its_hosts_address_and_its_own_loopback() -> None:
    federation = resolve({"hub": HUB, "ward": WARD}, {SERVER: "hub", "site-1": "ward", "site-2": "hub"})
    assert entries(federation) == {
        SERVER: (HostEntry(SERVER, "127.0.0.1"),),
        "site-1": (HostEntry(SERVER, "10.77.0.2"),),
        "site-2": (HostEntry(SERVER, "127.0.0.1"),),
    }
    assert [participant.host for participant in federation.participants] == ["hub", "ward", "hub"]


def test_a_hosts_folder_has_one_below_it_for_each_federation() -> None:
    federation = resolve({"hub": HUB}, {SERVER: "hub"})
    assert federation.hosts == (Host("hub", "10.77.0.2", "ssh://ops@hub", PurePosixPath("/srv/flare/example")),)


def test_a_host_may_build_its_own_images() -> None:
    federation = resolve({"hub": replace(HUB, build="remote"), "ward": WARD}, {SERVER: "hub", "site-1": "ward"})
    assert {host.name: host.build for host in federation.hosts} == {"hub": "remote", "ward": "here"}


def test_this_machine_may_have_an_address_for_the_others() -> None:
    federation = resolve({"desk": HostChoice("10.77.0.1", "local"), "ward": WARD}, {SERVER: "desk", "site-1": "ward"})
    assert entries(federation)["site-1"] == (HostEntry(SERVER, "10.77.0.1"),)
    assert entries(federation)["site-2"] == (HostEntry(SERVER, "127.0.0.1"),)
    assert [host.name for host in federation.hosts] == ["ward"]


def test_a_server_here_without_an_address_is_left_to_dns() -> None:
    assert entries(resolve({"ward": WARD}, {"site-1": "ward"}))["site-1"] == ()


def test_extra_hosts_win() -> None:
    federation = resolve({"hub": HUB}, {SERVER: "hub"}, extra_hosts={SERVER: "192.0.2.1"})
    assert entries(federation)["site-1"] == (HostEntry(SERVER, "192.0.2.1"),)


def test_a_host_without_an_endpoint_is_somebody_elses() -> None:
    federation = resolve({"far": HostChoice("10.9.9.9")}, {"site-2": "far"})
    assert [participant.name for participant in federation.participants] == [SERVER, "site-1"]
    assert [(one.kit.name, one.host, one.address) for one in federation.elsewhere] == [("site-2", "far", "10.9.9.9")]
    with pytest.raises(ComposerError, match="no participant can be started from here"):
        resolve({"far": HostChoice("10.9.9.9")}, dict.fromkeys((SERVER, "site-1", "site-2"), "far"))


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ({"Hub": HUB}, "hosts: 'Hub' cannot be a host's name"),
        ({"../x": HUB}, "cannot be a host's name"),
        ({"local": HUB}, "cannot be a host's name"),
        ({"hub": HostChoice("hub.example", "ssh://hub", "/srv")}, "is no IP address"),
        ({"hub": HostChoice("10.0.0.1", "tcp://10.0.0.1:2375", "/srv")}, "hosts.hub.endpoint: 'tcp://10.0.0.1:2375'"),
        ({"hub": HostChoice("10.0.0.1", "ssh://-oProxyCommand=x", "/srv")}, "hosts.hub.endpoint"),
        ({"hub": HostChoice("10.0.0.1", "ssh://hub", None)}, "hosts.hub.path"),
        ({"hub": HostChoice("10.0.0.1", "ssh://hub", "srv/flare")}, "hosts.hub.path"),
        ({"hub": HostChoice("10.0.0.1", "ssh://hub", "/")}, "hosts.hub.path"),
        ({"hub": HostChoice("10.0.0.1", "ssh://hub", "/srv/../etc")}, "hosts.hub.path"),
        ({"hub": HostChoice("10.0.0.1", "ssh://hub", "/srv/a\nb")}, "hosts.hub.path"),
        ({"here": HostChoice("10.0.0.1", "local", build="remote")}, "hosts.here.build: composer builds nothing on"),
        ({"far": HostChoice("10.0.0.1", build="remote")}, "hosts.far.build"),
        ({"a": HostChoice("10.0.0.1", "local"), "b": HostChoice("10.0.0.2", "local")}, "calls this machine a and b"),
    ],
)
def test_what_composer_cannot_go_to_is_refused(hosts: dict[str, HostChoice], said: str) -> None:
    with pytest.raises(ComposerError) as caught:
        resolve(hosts, {})
    assert said in caught.value.message
    assert caught.value.hint


def test_a_host_that_is_not_listed_is_refused() -> None:
    with pytest.raises(ComposerError, match="site-1 is to be on host ward, which composer"):
        resolve({"hub": HUB}, {"site-1": "ward"})


def test_each_host_runs_its_participants_in_its_own_way() -> None:
    hosts = {"hub": HUB, "ward": replace(WARD, runtime="process"), "desk": HostChoice("10.77.0.1", "local")}
    federation = resolve(hosts, {SERVER: "hub", "site-1": "ward", "site-2": "desk"})
    assert {one.host: federation.runtime_on(one.host) for one in federation.participants} == {
        "hub": "docker",
        "ward": "process",
        "local": "docker",
    }
    assert [one.name for one in federation.run_as("process").participants] == ["site-1"]
    assert federation.runtimes == ("docker", "process")


def test_what_a_host_does_not_say_of_its_runtime_the_federation_does() -> None:
    hosts = {"hub": replace(HUB, runtime="docker"), "ward": WARD, "desk": HostChoice("10.77.0.1", "local")}
    federation = resolve(hosts, {SERVER: "hub", "site-1": "ward", "site-2": "desk"}, runtime="process")
    assert [federation.runtime_on(name) for name in ("hub", "ward", "local")] == ["docker", "process", "process"]
    hosts["desk"] = replace(hosts["desk"], runtime="docker")
    assert resolve(hosts, {SERVER: "hub", "site-1": "ward"}, runtime="process").runtime == "docker"


def test_plain_processes_on_a_host_need_a_folder_that_nvflare_can_take() -> None:
    ward = replace(WARD, path="/srv/my flare", runtime="process")
    with pytest.raises(ComposerError, match="its path has a blank or a quote in it") as caught:
        resolve({"ward": ward, "hub": HUB}, {SERVER: "hub", "site-1": "ward"})
    assert caught.value.hint == "name another folder in hosts.ward.path"
    resolve({"ward": replace(ward, runtime=None), "hub": HUB}, {SERVER: "hub", "site-1": "ward"})


def test_plain_processes_on_a_host_have_no_bridge() -> None:
    hosts = {"hub": HUB, "ward": replace(WARD, runtime="process")}
    with pytest.raises(ComposerError, match="network: bridge is for containers"):
        resolve(hosts, {SERVER: "hub", "site-1": "ward"}, network="bridge")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_server_that_is_dialled_as_localhost_is_on_no_other_host(name: str) -> None:
    kits = (
        kit(SERVER, "server", listens_on=(Listener(name, 8002),)),
        kit("site-1", "client", connects_to=(Connection(SERVER, name, 8002),)),
    )
    resolve_federation(Project("p", kits), Definition(), BuildInputs(), Path("/d"), OWNER)
    ward = HostChoice("10.0.0.9", "ssh://ward", "/srv/flare")
    apart = Definition(hosts={"ward": ward}, participants={"site-1": ParticipantChoice(host="ward")})
    with pytest.raises(ComposerError, match=f"site-1 dials server1 as {name}"):
        resolve_federation(Project("p", kits), apart, BuildInputs(), Path("/d"), OWNER)


def test_nothing_leads_localhost_elsewhere() -> None:
    with pytest.raises(ComposerError, match="localhost is always the machine itself"):
        resolve_federation(
            Project("p", (kit("site-1", "client"),)),
            Definition(extra_hosts={"localhost": "10.0.0.1"}),
            BuildInputs(),
            Path("/d"),
            OWNER,
        )
