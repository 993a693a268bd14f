"""The federation as a Mermaid flowchart, as GitHub, GitLab and many a wiki draw it. Pure."""

from __future__ import annotations

import string
from collections.abc import Iterator

from composer.model.kinds import LOCAL
from composer.model.topology import Branch, Node, Topology, branches, count, word_for
from composer.system.foreign_text import clean_line

_PLAIN = frozenset(string.ascii_letters + string.digits + " .,@_:+/()-…→·")
# More participants than these that are alike are one box.
_MOST_NAMED = 8
_STYLES = (
    "  classDef server fill:#0b6b4f,stroke:#0b6b4f,color:#ffffff",
    "  classDef relay fill:#e3eefb,stroke:#1d5fa8,color:#12375f",
    "  classDef client fill:#ffffff,stroke:#6b7785,color:#1f2933",
    "  classDef admin fill:#ffffff,stroke:#6b7785,color:#1f2933,stroke-dasharray:4 3",
    "  classDef unknown fill:#fff7e0,stroke:#946200,color:#5c3d00,stroke-dasharray:4 3",
)


def render_mermaid(topology: Topology) -> str:
    """Return a flowchart: a box for each host, in it its participants, and an arrow from whoever dials.

    Names are those of kits, that is of others: all but letters, digits and a few marks is written as a character code.
    """
    tree = list(_flat(branches(topology)))
    ids: dict[str, str] = {}
    for at, (_, branch) in enumerate(tree):
        ids.update(dict.fromkeys((node.name for node in branch.nodes), f"p{at}"))
    lines = ["flowchart LR", f"  accTitle: {_text(topology.federation)}", f"  accDescr: {_text(topology.words)}"]
    for at, places in enumerate(dict.fromkeys(_where(branch) for _, branch in tree)):
        lines.append(f'  subgraph h{at}["{_text(_title(topology, places))}"]')
        lines += [line for _, branch in tree if _where(branch) == places for line in _boxes(branch, ids)]
        lines.append("  end")
    for _, branch in tree:
        lines += _arrows(branch, ids)
    return "\n".join((*lines, *_STYLES, ""))


def _flat(tree: tuple[Branch, ...], parent: str = "") -> Iterator[tuple[str, Branch]]:
    for branch in tree:
        for group in _named(branch):
            yield parent, group
        yield from _flat(branch.branches, branch.nodes[0].name)


def _named(branch: Branch) -> tuple[Branch, ...]:
    """Few are drawn one by one."""
    if len(branch.nodes) > _MOST_NAMED:
        return (Branch(branch.nodes),)
    return tuple(Branch((node,)) for node in branch.nodes)


def _where(branch: Branch) -> tuple[str, ...]:
    return branch.places if branch.nodes[0].known else ("",)


def _title(topology: Topology, places: tuple[str, ...]) -> str:
    if len(places) > 1:
        return f"{len(places)} hosts"
    if not places[0]:
        return "not among these kits"
    place = topology.place(places[0])
    name = "this machine" if place.name == LOCAL else place.name
    return f"{name} ({place.address})" if place.address else name


def _boxes(branch: Branch, ids: dict[str, str]) -> Iterator[str]:
    node = branch.nodes[0]
    about = count(branch.nodes) if len(branch.nodes) > 1 else _about(node)
    yield f'    {ids[node.name]}["{_text(branch.name)}<br/>{_text(about)}"]:::{node.type if node.known else "unknown"}'


def _about(node: Node) -> str:
    opens = f", opens {', '.join(map(str, node.ports))}" if node.ports and node.known else ""
    return f"{word_for(node.type)}{opens}"


def _arrows(branch: Branch, ids: dict[str, str]) -> Iterator[str]:
    """The way to the parent is a line, what is dialled besides is a dotted one."""
    node = branch.nodes[0]
    for at, link in enumerate(node.links):
        arrow = "-->" if at == 0 else "-.->"
        if link.target in ids:
            yield f'  {ids[node.name]} {arrow}|"{_text(link.end)}<br/>{_text(link.words)}"| {ids[link.target]}'


def _text(text: str) -> str:
    """Return foreign text as Mermaid shows it and does not read it (Mermaid's entity codes)."""
    return "".join(char if char in _PLAIN or char.isalpha() else f"#{ord(char)};" for char in clean_line(text))
