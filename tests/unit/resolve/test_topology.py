"""Who is where and dials whom, and who is drawn together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from composer.definition import Definition, HostChoice, ParticipantChoice
from composer.images.build_inputs import BuildInputs
from composer.model.kit import Connection, Kit, Listener, Project
from composer.model.topology import Branch, Topology, branches, in_short
from composer.resolve import resolve_federation
from composer.resolve.topology import resolve_topology
from tests.golden.cases import CASES, DEPLOYMENT, OWNER, SERVER, kit


def topology_of(*kits: Kit, definition: Definition | None = None) -> Topology:
    project = Project("example", kits)
    chosen = definition or Definition()
    federation = resolve_federation(project, chosen, BuildInputs(), DEPLOYMENT, OWNER, startable=False)
    return resolve_topology(federation)


def shape(tree: tuple[Branch, ...]) -> list[object]:
    """Names, each with what is below it."""
    return [(branch.name, shape(branch.branches)) if branch.branches else branch.name for branch in tree]


def test_relays_are_a_tree_and_what_a_site_dials_besides_is_kept() -> None:
    topology = resolve_topology(CASES["relay"]())
    assert shape(branches(topology)) == [(SERVER, [("relay-1", ["Ward_7"])])]
    (site,) = (node for node in topology.nodes if node.name == "Ward_7")
    assert [(link.target, link.end) for link in site.links] == [
        ("relay-1", "relay1.example.com:18102"),
        (SERVER, "server1:8002"),
    ]


def test_a_server_without_a_kit_is_drawn_as_unknown() -> None:
    topology = resolve_topology(CASES["one-site"]())
    assert [(node.name, node.type, node.known) for node in topology.nodes] == [
        (SERVER, "server", False),
        ("site-1", "client", True),
    ]
    assert topology.nodes[1].links[0].address == "10.1.2.3"
    assert topology.words == "1 site on this machine"


def test_a_site_of_an_old_release_dials_the_server_though_its_kit_does_not_name_it() -> None:
    old = kit("site-1", "client", connects_to=(Connection("", SERVER, 8002),), server_identity="")
    assert shape(branches(topology_of(kit(SERVER, "server"), old))) == [(SERVER, ["site-1"])]


def test_a_certificate_of_another_name_is_told_by_where_it_listens() -> None:
    relay = kit("relay-1", "relay", listens_on=(Listener("relay.example", 18102),))
    site = kit("site-1", "client", connects_to=(Connection("front.example", "relay.example", 18102),))
    assert shape(branches(topology_of(kit(SERVER, "server"), relay, site))) == [(SERVER, [("relay-1", ["site-1"])])]


def test_those_on_hosts_that_composer_does_not_go_to_are_in_the_picture() -> None:
    definition = Definition(
        hosts={"ward": HostChoice("10.0.0.9")}, participants={"site-1": ParticipantChoice(host="ward")}
    )
    topology = topology_of(kit(SERVER, "server"), kit("site-1", "client"), definition=definition)
    assert [(place.name, place.address, place.endpoint) for place in topology.places] == [
        ("local", "", ""),
        ("ward", "10.0.0.9", ""),
    ]
    assert topology.nodes[1].place == "ward"
    nobody_here = Definition(
        hosts=definition.hosts, participants=dict.fromkeys((SERVER, "site-1"), ParticipantChoice(host="ward"))
    )
    bundled = topology_of(kit(SERVER, "server"), kit("site-1", "client"), definition=nobody_here)
    assert bundled.words == "1 server, 1 site on 1 host"


def test_sites_that_are_alike_are_drawn_together_by_host() -> None:
    hosts = {f"host-{n}": HostChoice(f"10.0.0.{n}", f"ssh://host-{n}", "/srv") for n in (1, 2)}
    places = {f"site-{n}": ParticipantChoice(host=f"host-{n % 2 + 1}") for n in range(1, 21)}
    kits = [kit(f"site-{n}", "client") for n in range(1, 21)]
    kits[3] = replace(kits[3], connection_security="clear")
    tree = branches(topology_of(kit(SERVER, "server"), *kits, definition=Definition(hosts=hosts, participants=places)))
    ((server, below),) = [(one.name, one.branches) for one in tree]
    assert server == SERVER
    assert [(len(one.nodes), one.places, one.link and one.link.secure) for one in below] == [
        (10, ("host-2",), True),
        (9, ("host-1",), True),
        (1, ("host-1",), False),
    ]


def test_many_hosts_with_a_site_each_are_one_branch() -> None:
    hosts = {f"host-{n}": HostChoice(f"10.0.0.{n}", f"ssh://host-{n}", "/srv") for n in range(1, 31)}
    places = {f"site-{n}": ParticipantChoice(host=f"host-{n}") for n in range(1, 31)}
    kits = [kit(f"site-{n}", "client") for n in range(1, 31)]
    definition = Definition(hosts=hosts, participants=places)
    (root,) = branches(topology_of(kit(SERVER, "server"), *kits, definition=definition))
    (sites,) = root.branches
    assert sites.name == "site-1 … site-30"
    assert len(sites.places) == 30


def test_relays_that_dial_each_other_in_a_circle_are_each_drawn_once() -> None:
    relays = [
        kit(f"relay-{n}", "relay", connects_to=(Connection(f"relay-{3 - n}", f"r{3 - n}", 1),), listens_on=())
        for n in (1, 2)
    ]
    assert shape(branches(topology_of(*relays))) == [("relay-1", ["relay-2"])]


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["a"], "a"),
        (["site-1", "site-2", "site-3"], "site-1, site-2, site-3"),
        ([f"site-{n}" for n in range(8, 13)], "site-8 … site-12"),
        (["site-1", "site-2", "site-3", "site-5", "site-6"], "site-1, site-2, site-3 and 2 more"),
        (["a1", "b2", "c3", "d4", "e5"], "a1, b2, c3 and 2 more"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
    ],
)
def test_names_in_short(names: list[str], short: str) -> None:
    assert in_short(names) == short
