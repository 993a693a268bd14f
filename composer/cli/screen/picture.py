"""The federation as a tree of text: aligned columns where there is room, one below the other where there is not."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from composer.model.kinds import LOCAL
from composer.model.reporter import some_of
from composer.model.topology import Branch, Topology, branches, count, word_for
from composer.system.foreign_text import clean_line

# Participants are drawn one by one in a federation of so many, and those that are alike in one row in a larger one.
_FEW = 20
_MOST_NAMED = 5
_MOST_HOSTS = 10
_BETWEEN = "   "
_FAULT = "red"


@dataclass(frozen=True)
class Line:
    """A line of the drawing: pieces of text, each with its style."""

    pieces: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The line without its styles."""
        return "".join(text for text, _ in self.pieces)


@dataclass(frozen=True)
class _Row:
    """A participant, or several in one: the lines of the tree in front of it and of what stands below it."""

    before: str
    below: str
    name: str
    kind: str
    place: str
    connection: str
    style: str
    secure: bool

    @property
    def cells(self) -> tuple[str, ...]:
        return (self.before + self.name, self.kind, self.place, self.connection)


def draw(topology: Topology, width: int | None) -> tuple[Line, ...]:
    """Return the lines of the picture; no line is wider than ``width``, and with None there is no such limit.

    Args:
        topology: The federation.
        width: Characters of the terminal.
    """
    rows = [row for branch in branches(topology) for row in _rows(topology, branch, "", "")]
    columns = [max((len(row.cells[at]) for row in rows), default=0) for at in range(4)]
    fits = width is None or sum(columns) + len(_BETWEEN) * 3 <= width
    title = clean_line(f"{topology.federation}: {topology.words}")
    lines = [Line(((part, "bold"),)) for part in _wrapped(title, width)]
    lines.append(Line(()))
    for row in rows:
        lines += [_aligned(row, columns)] if fits else _stacked(row, width or 0)
    return (*lines, *_hosts(topology, width))


def topology_document(topology: Topology) -> dict[str, object]:
    """Return what ``composer topology --json`` prints. Fields may be added, never renamed."""
    return {
        "federation": topology.federation,
        "network": topology.network,
        "hosts": [asdict(place) for place in topology.places],
        "participants": [
            {
                "name": node.name,
                "type": node.type,
                "host": node.place,
                "ports": list(node.ports),
                "kit": node.known,
                "connects_to": [asdict(link) for link in node.links],
            }
            for node in topology.nodes
        ],
    }


def _rows(topology: Topology, branch: Branch, before: str, below: str) -> Iterator[_Row]:
    """Yield the rows of a branch; those of one that is named one by one come with the tree's lines of their own."""
    single = len(branch.nodes) <= _MOST_NAMED and len(topology.nodes) <= _FEW
    groups = [Branch((node,), branch.branches) for node in branch.nodes] if single else [branch]
    for group in groups:
        last = group is groups[-1]
        yield _row(topology, group, before if last else _going_on(before), below if last else _going_on(below))
    for at, child in enumerate(branch.branches):
        end = at == len(branch.branches) - 1
        yield from _rows(topology, child, below + ("└── " if end else "├── "), below + ("    " if end else "│   "))


def _going_on(line: str) -> str:
    """The tree's lines where another of the same branch follows."""
    if line.endswith("└── "):
        return f"{line[:-4]}├── "
    return f"{line[:-4]}│   " if line.endswith("    ") else line


def _row(topology: Topology, branch: Branch, before: str, below: str) -> _Row:
    node, link = branch.nodes[0], branch.link
    many = len(branch.nodes) > 1
    where = _place(topology, branch) if node.known else "not among these kits"
    if [place.name for place in topology.places] == [LOCAL] and node.known:
        # The title says so already.
        where = ""
    opens = f"opens {', '.join(map(str, node.ports))}" if node.ports and not many else ""
    dials = f"→ {link.end} ({link.words})" if link else ""
    style = {"server": "bold green", "relay": "bold cyan", "admin": "dim"}.get(node.type, "")
    return _Row(
        before=before,
        below=f"{below}{'│   ' if branch.branches else '    '}",
        name=clean_line(branch.name),
        kind=count(branch.nodes) if many else word_for(node.type),
        place=clean_line(where),
        connection=clean_line(" · ".join(part for part in (opens, dials) if part)),
        style=style if node.known else "yellow",
        secure=link is None or link.secure,
    )


def _place(topology: Topology, branch: Branch) -> str:
    if len(branch.places) > 1:
        return f"{len(branch.places)} hosts"
    place = topology.place(branch.places[0])
    name = "this machine" if place.name == LOCAL else place.name
    return f"{name} ({place.address})" if place.address else name


def _aligned(row: _Row, columns: Sequence[int]) -> Line:
    pieces = [(row.before, "dim"), (row.name.ljust(columns[0] - len(row.before)), row.style), (_BETWEEN, "")]
    for cell, room in zip(row.cells[1:3], columns[1:3], strict=True):
        pieces += [(cell.ljust(room), ""), (_BETWEEN if room else "", "")]
    return _stripped((*pieces, (row.connection, "" if row.secure else _FAULT)))


def _stacked(row: _Row, width: int) -> Iterator[Line]:
    for at, part in enumerate(_wrapped(f"{row.name}  {row.kind}", width - len(row.before))):
        known, rest = (row.name, part[len(row.name) :]) if part.startswith(row.name) else (part, "")
        yield _stripped(
            ((row.before if at == 0 else row.below[: len(row.before)], "dim"), (known, row.style), (rest, ""))
        )
    about = " · ".join(part for part in (row.place, row.connection) if part)
    apart = (row.place, row.connection) if len(row.below) + len(about) > width else (about,)
    for part in (line for words in apart for line in _wrapped(words, width - len(row.below))):
        yield _stripped(((row.below, "dim"), (part, "" if row.secure else _FAULT)))


def _stripped(pieces: Sequence[tuple[str, str]]) -> Line:
    """Without blanks at its end."""
    kept = list(pieces)
    while kept and not kept[-1][0].rstrip():
        kept.pop()
    if kept:
        kept[-1] = (kept[-1][0].rstrip(), kept[-1][1])
    return Line(tuple(kept))


def _hosts(topology: Topology, width: int | None) -> Iterator[Line]:
    """Yield who is on which host, where that is more than this machine."""
    if [place.name for place in topology.places] in ([], [LOCAL]):
        return
    yield Line(())
    for place in topology.places[:_MOST_HOSTS]:
        here = [node for node in topology.nodes if node.known and node.place == place.name]
        names = [node.name for node in here]
        who = some_of(names) if len(names) <= _MOST_NAMED else count(here)
        name = "this machine" if place.name == LOCAL else place.name
        reached = [place.address, place.endpoint or ("" if place.name == LOCAL else "started by its administrator")]
        about = ", ".join(part for part in reached if part)
        text = clean_line(f"{name}{f' ({about})' if about else ''}: {who}")
        for at, part in enumerate(_wrapped(text, width)):
            known = name if at == 0 and part.startswith(name) else ""
            yield Line(((known, "bold"), (part[len(known) :], "")))
    if len(topology.places) > _MOST_HOSTS:
        yield Line(((f"and {len(topology.places) - _MOST_HOSTS} hosts more: --json has all of them", "dim"),))


def _wrapped(text: str, width: int | None) -> list[str]:
    """Return a text in lines that fit; a word that alone is too wide is broken."""
    if width is None or not text:
        return [text] if text else []
    return textwrap.wrap(text, max(width, 8), subsequent_indent="  ", break_on_hyphens=False)
