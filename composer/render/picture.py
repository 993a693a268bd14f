"""The federation as an SVG: a tree from the server on the left to sites on the right, in boxes by host. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from composer.model.kinds import LOCAL
from composer.model.topology import Branch, Node, Topology, branches, count, word_for
from composer.render.markup import Element, element, style, xml_text
from composer.render.templates import read_template

# How somebody runs: as it should, not yet, or not.
Tone = Literal["well", "waiting", "bad"]

_WIDTH, _GAP, _BETWEEN, _MARGIN, _PADDING = 244, 84, 18, 10, 14
_ROW, _SMALL_ROW, _DOT = 22, 18, 13
_DOTS = (_WIDTH - 2 * _PADDING) // _DOT
# More than these in a box are drawn as dots rather than as rows with names: in a small federation, and in a large one.
_MOST_ROWS, _FEW_ROWS = 12, 4
_SMALL = 40
# Characters that fit into a box in each of the sizes of text.
_FITS = {"name": 20, "name long": 24, "": 26, "muted": 32, "muted clear": 28}


@dataclass(frozen=True)
class _Block:
    """A box, whether participants are dots in it, and the blocks of all that dial it, to the right of it."""

    branch: Branch
    dots: bool
    box: int
    height: int
    below: tuple[_Block, ...]


def render_svg(topology: Topology) -> str:
    """Return the picture as a file of its own."""
    svg = draw_svg(topology, {})
    svg.set("xmlns", "http://www.w3.org/2000/svg")
    svg.insert(0, style(read_template("report/picture.css").decode()))
    return xml_text(svg)


def draw_svg(topology: Topology, tones: Mapping[str, Tone]) -> Element:
    """Return the picture as an element, which expects ``picture.css`` beside it.

    Args:
        topology: The federation.
        tones: How participants run, by name; empty where that is not known, and nothing is said of it.
    """
    most = _MOST_ROWS if len(topology.nodes) <= _SMALL else _FEW_ROWS
    blocks = tuple(_block(branch, most) for branch in branches(topology))
    width = max(map(_depth, blocks), default=1) * (_WIDTH + _GAP) - _GAP + 2 * _MARGIN
    height = _stack(blocks) + 2 * _MARGIN
    svg = element(
        "svg",
        {"class": "topology", "role": "img", "aria-labelledby": "picture-title picture-about"},
        element("title", {"id": "picture-title"}, f"Topology of {topology.federation}"),
        element("desc", {"id": "picture-about"}, _description(topology)),
        *_blocks(topology, tones, blocks, _MARGIN, _MARGIN, None),
    )
    for name, value in (("viewBox", f"0 0 {width} {height}"), ("width", width), ("height", height)):
        svg.set(name, str(value))
    return svg


def _description(topology: Topology) -> str:
    """What the picture shows, for those who do not see it; each participant is in a table of the report."""
    ends = sorted({f"{link.end} ({link.words})" for node in topology.nodes for link in node.links[:1]})
    shown = "; ".join(ends[:_MOST_ROWS])
    return f"{topology.words}. Connections: {shown or 'none'}."


def _block(branch: Branch, most: int) -> _Block:
    below = tuple(_block(one, most) for one in branch.branches)
    dots = len(branch.nodes) > most
    box = _height(branch, dots)
    return _Block(branch, dots, box, max(box, _stack(below)), below)


def _stack(blocks: tuple[_Block, ...]) -> int:
    return sum(block.height for block in blocks) + _BETWEEN * max(len(blocks) - 1, 0)


def _depth(block: _Block) -> int:
    return 1 + max(map(_depth, block.below), default=0)


def _height(branch: Branch, dots: bool) -> int:
    members = _height_of_dots(branch) if dots else len(branch.nodes) * _ROW
    about = _SMALL_ROW if _stands_out(branch) else 0
    return 2 * _PADDING + _SMALL_ROW + members + about + (2 * _SMALL_ROW if branch.link else 0)


def _height_of_dots(branch: Branch) -> int:
    return 2 * _SMALL_ROW + 10 + -(-len(branch.nodes) // _DOTS) * _DOT


def _stands_out(branch: Branch) -> bool:
    """Whoever is alone in its box has a line that says what it is."""
    return len(branch.nodes) == 1


def _blocks(
    topology: Topology,
    tones: Mapping[str, Tone],
    blocks: tuple[_Block, ...],
    x: int,
    y: int,
    end: tuple[int, int] | None,
) -> Iterator[Element]:
    for block in blocks:
        top = y + (block.height - block.box) // 2
        middle = top + block.box // 2
        if end is not None:
            yield from _line(end, (x, middle), bool(block.branch.link and block.branch.link.secure))
        below = y + (block.height - _stack(block.below)) // 2
        yield from _blocks(topology, tones, block.below, x + _WIDTH + _GAP, below, (x + _WIDTH, middle))
        yield _box(topology, tones, block, x, top)
        y += block.height + _BETWEEN


def _line(end: tuple[int, int], start: tuple[int, int], secure: bool) -> Iterator[Element]:
    """From whoever dials to whoever answers, where the arrow is."""
    (x, y), half = end, _GAP // 2
    kind = "link" if secure else "link clear"
    path = f"M{start[0]} {start[1]}C{start[0] - half} {start[1]} {x + half} {y} {x + 8} {y}"
    yield element("path", {"class": kind, "d": path})
    yield element("path", {"class": "arrow", "d": f"M{x + 2} {y}l9 -4.5v9z"})


def _box(topology: Topology, tones: Mapping[str, Tone], block: _Block, x: int, top: int) -> Element:
    branch, left = block.branch, x + _PADDING
    y = top + _PADDING + 11
    parts = [element("rect", {"class": "box", "x": x, "y": top, "width": _WIDTH, "height": block.box, "rx": 8})]
    parts.append(_write(left, y, _host(topology, branch), "muted"))
    y += 4
    if block.dots:
        parts += _many(branch, tones, left, y)
        y += _height_of_dots(branch)
    else:
        for node in branch.nodes:
            y += _ROW
            parts += _row(node, tones, left, y - 4, "name" if _stands_out(branch) else "")
    if _stands_out(branch):
        y += _SMALL_ROW
        parts.append(_write(left, y - 2, _about(branch.nodes[0]), "muted"))
    if branch.link:
        parts.append(_write(left, y + _SMALL_ROW, f"→ {branch.link.end}", "muted"))
        kind = "muted" if branch.link.secure else "muted clear"
        parts.append(_write(left, y + 2 * _SMALL_ROW - 2, branch.link.words, kind))
    node = branch.nodes[0]
    return element("g", {"class": node.type if node.known else "unknown"}, *parts)


def _row(node: Node, tones: Mapping[str, Tone], x: int, y: int, kind: str) -> Iterator[Element]:
    if not tones or not node.known or node.type == "admin":
        yield _write(x, y, node.name, kind)
        return
    yield draw_mark(tones.get(node.name), x + 5, y - 5)
    yield _write(x + 18, y, node.name, kind, 2)


def _many(branch: Branch, tones: Mapping[str, Tone], x: int, y: int) -> Iterator[Element]:
    yield _write(x, y + _SMALL_ROW, count(branch.nodes), "name")
    yield _write(x, y + 2 * _SMALL_ROW, branch.name, "muted")
    top = y + 2 * _SMALL_ROW + 10
    for at, node in enumerate(branch.nodes):
        row, column = divmod(at, _DOTS)
        yield draw_mark(tones.get(node.name), x + column * _DOT + 5, top + row * _DOT + 6, node.name)


def draw_mark(tone: Tone | None, x: int, y: int, name: str = "") -> Element:
    """A disc runs, a thick ring waits, a diamond is wrong, a thin ring says nothing: none needs colour."""
    about = (element("title", {}, name),) if name else ()
    kind = f"mark {tone or ''}".strip()
    if tone == "bad":
        return element("path", {"class": kind, "d": f"M{x} {y - 5}l5 5l-5 5l-5 -5z"}, *about)
    return element("circle", {"class": kind, "cx": x, "cy": y, "r": 3 if tone == "waiting" else 4}, *about)


def _write(x: int, y: int, text: str, kind: str, less: int = 0) -> Element:
    """A line of text; what does not fit is left out, and told to whoever points at it."""
    if kind == "name" and len(text) > _FITS[kind] - less:
        kind = "name long"
    shown = _clipped(text, _FITS[kind] - less)
    about = (element("title", {}, text),) if shown != text else ()
    return element("text", {"class": kind, "x": x, "y": y} if kind else {"x": x, "y": y}, shown, *about)


def _clipped(text: str, most: int) -> str:
    room = most
    for at, char in enumerate(text):
        room -= 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if room < 0:
            return f"{text[: max(at - 1, 0)]}…"
    return text


def _host(topology: Topology, branch: Branch) -> str:
    if not branch.nodes[0].known:
        return "not among these kits"
    if len(branch.places) > 1:
        return f"{len(branch.places)} hosts"
    place = topology.place(branch.places[0])
    name = "this machine" if place.name == LOCAL else place.name
    return f"{name} · {place.address}" if place.address else name


def _about(node: Node) -> str:
    opens = f"opens {', '.join(map(str, node.ports))}" if node.ports and node.known else ""
    return " · ".join(part for part in (word_for(node.type), opens) if part)
