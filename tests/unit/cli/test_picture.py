"""The picture in the terminal, at any width; ``composer topology`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from composer.cli.screen.picture import draw
from composer.model.topology import Link, Node, Place, Topology
from composer.resolve.topology import resolve_topology
from tests.conftest import composer
from tests.golden.cases import CASES
from tests.kitmaker import Project, provision


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("case", CASES)
def test_no_line_is_wider_than_the_terminal(case: str, width: int) -> None:
    lines = draw(resolve_topology(CASES[case]()), width)
    assert max(len(line.text) for line in lines) <= width
    assert all(line.text == line.text.rstrip() for line in lines)


def test_columns_are_aligned_where_there_is_room_and_rows_are_stacked_where_there_is_not() -> None:
    topology = resolve_topology(CASES["three-hosts"]())
    wide = [line.text for line in draw(topology, 100)]
    assert wide == [line.text for line in draw(topology, None)]
    assert {line.index("   server ") for line in wide[2:3]} == {line.index("   site ") for line in wide[3:5]}
    assert len(draw(topology, 60)) > len(wide)


def test_hundreds_of_sites_stay_readable() -> None:
    link = Link("hub", "hub", 8002, "grpc", "mtls")
    places = tuple(Place(f"host-{n}", f"10.0.1.{n}", f"ssh://host-{n}") for n in range(1, 301))
    sites = (Node(f"site-{n}", "client", f"host-{n}", links=(link,)) for n in range(1, 301))
    topology = Topology("example", "host", places, (Node("hub", "server", "host-1", (8002,)), *sites))
    for width in (60, 80, 200):
        lines = [line.text for line in draw(topology, width)]
        assert len(lines) < 25
        assert any("site-1 … site-300" in line and "300 sites" in line for line in lines)
        assert lines[-1] == "and 290 hosts more: --json has all of them"


def test_text_of_others_is_harmless_to_a_terminal() -> None:
    place = Place("\x1b[2J\nhub", "\x1b]0;x\x07")
    topology = Topology("a\x1b[31mb", "host", (place,), (Node("c\r\nd", "server", place.name),))
    text = "\n".join(line.text for width in (None, 40) for line in draw(topology, width))
    assert all(char.isprintable() for char in text.replace("\n", ""))


def test_a_connection_without_tls_is_red() -> None:
    link = Link("hub", "hub", 8002, "grpc", "clear")
    nodes = (Node("hub", "server", "local", (8002,)), Node("site-1", "client", "local", links=(link,)))
    topology = Topology("example", "host", (Place("local"),), nodes)
    for width in (None, 40):
        assert ("→ hub:8002 (grpc, no TLS)", "red") in [
            piece for line in draw(topology, width) for piece in line.pieces
        ]


def test_the_picture_of_kits_alone(tmp_path: Path) -> None:
    kits = provision(tmp_path, Project("2.9", relay="relay-1")).prod
    text = composer("topology", kits, cwd=tmp_path, FORCE_COLOR="")
    assert (text.returncode, text.err) == (0, "")
    assert "\x1b" not in text.out
    assert text.out.splitlines()[0] == "fedx: 1 server, 1 relay, 2 sites, 1 admin on this machine"
    svg = composer("topology", kits, "--format", "svg", cwd=tmp_path)
    assert svg.out.startswith("<svg ")
    mermaid = composer("topology", kits, "--format", "mermaid", cwd=tmp_path)
    assert mermaid.out.startswith("flowchart LR\n")
    document = json.loads(composer("topology", kits, "--json", cwd=tmp_path).out)
    assert {one["name"]: [link["target"] for link in one["connects_to"]] for one in document["participants"]} == {
        "server1": [],
        "relay-1": ["server1"],
        "site-1": ["relay-1", "server1"],
        "site-2": ["server1"],
        "admin@nvidia.com": ["server1"],
    }
    assert list(tmp_path.iterdir()) == [kits]


def test_without_kits_it_says_what_to_give(tmp_path: Path) -> None:
    ended = composer("topology", cwd=tmp_path)
    assert (ended.returncode, ended.out) == (1, "")
    assert ended.err.startswith("error: no kits were given\n")
