"""Pictures of names that are markup elsewhere, and of federations of any size."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from composer.model.topology import Link, Node, Place, Topology
from composer.render.mermaid import render_mermaid
from composer.render.picture import draw_svg, render_svg

HOSTILE = (
    '"]; click p0 "javascript:alert(1)"',
    "</text><script>alert(1)</script>",
    "]]><svg onload=alert(1)>",
    "a\x1b[2Jb\x00\u202ec\nd",
    "#quot;&amp;`%%{init: {}}%%",
    "名前" * 40,
)
SVG = "{http://www.w3.org/2000/svg}"


def topology(*names: str, security: str = "mtls") -> Topology:
    sites = (Node(name, "client", "ward", links=(Link("hub", "hub", 8002, "grpc", security),)) for name in names)
    return Topology("example", "host", (Place("ward"),), (Node("hub", "server", "ward", (8002,)), *sites))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_in_a_picture_whatever_it_is(name: str) -> None:
    text = render_svg(Topology(name, "host", (Place(name, name),), (Node(name, "server", name, (1,)),)))
    root = ElementTree.fromstring(text)
    kinds = {"svg", "title", "desc", "style", "g", "rect", "text", "path", "circle"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= kinds
    assert not any(key.startswith("on") or key.endswith("href") for one in root.iter() for key in one.attrib)
    assert "\x1b" not in text
    assert "\x00" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_a_label_in_mermaid_whatever_it_is(name: str) -> None:
    text = render_mermaid(topology(name))
    label = r'"(?:[^"\n\[\]{}`%;<>]|#\d+;|<br/>)*"'
    for line in text.splitlines()[3:-5]:
        assert re.fullmatch(
            rf"  (?:subgraph h\d+\[{label}\]|end|  p\d+\[{label}\]:::\w+|p\d+ -->\|{label}\| p\d+)", line
        ), line


def test_every_site_of_many_is_in_the_picture() -> None:
    names = [f"site-{n}" for n in range(1, 301)]
    text = render_svg(topology(*names))
    root = ElementTree.fromstring(text)
    assert [one.findtext(f"{SVG}title") for one in root.iter(f"{SVG}circle")] == names
    assert "300 sites" in [one.text for one in root.iter(f"{SVG}text")]
    assert len(text) < 100_000
    assert len(render_mermaid(topology(*names)).splitlines()) < 20


def test_how_somebody_runs_is_told_by_shapes_and_not_by_colour_alone() -> None:
    svg = draw_svg(topology("a", "b", "c", "d"), {"a": "well", "b": "waiting", "c": "bad"})
    marks = [(one.tag, one.get("class"), one.get("r")) for one in svg.iter() if "mark" in str(one.get("class"))]
    assert marks[:4] == [
        ("circle", "mark well", "4"),
        ("circle", "mark waiting", "3"),
        ("path", "mark bad", None),
        ("circle", "mark", "4"),
    ]


def test_a_connection_without_tls_looks_different() -> None:
    svg = draw_svg(topology("a", security="clear"), {})
    assert [one.get("d") is not None for one in svg.iter("path") if one.get("class") == "link clear"] == [True]
    assert [one.text for one in svg.iter("text") if one.get("class") == "muted clear"] == ["grpc, no TLS"]


def test_a_long_name_is_clipped_and_told_in_full() -> None:
    name = "s" * 63
    (text,) = (one for one in draw_svg(topology(name), {}).iter("text") if one.findtext("title"))
    assert text.text is not None
    assert text.text.endswith("…")
    assert text.findtext("title") == name
