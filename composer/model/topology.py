"""The picture of a federation as data: who is where, who dials whom, and who stands together in a drawing. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from composer.model.kinds import LOCAL, Network, ParticipantType, RuntimeName
from composer.model.reporter import some_of

# Participants that are alike, on more hosts than these, are drawn as one; the first of these numbers with which not too
# many are drawn is taken.
_MOST_PLACES = (8, 4, 2)
_MOST_BRANCHES = 24
_WORDS: dict[ParticipantType, str] = {"server": "server", "relay": "relay", "client": "site", "admin": "admin"}
_SECURITY = {"mtls": "mutual TLS", "tls": "TLS", "clear": "no TLS"}


@dataclass(frozen=True)
class Place:
    """A host: its name, LOCAL for this machine, the address that the others know, and how composer reaches it.

    ``runtime`` is as what its participants run; empty where composer does not go there.
    """

    name: str
    address: str = ""
    endpoint: str = ""
    runtime: RuntimeName | Literal[""] = ""


@dataclass(frozen=True)
class Link:
    """A connection that a participant opens, to the participant ``target`` under a host name and a port.

    ``address`` is where that name leads to; empty where the site's own DNS says so. ``scheme`` is NVFLARE's driver
    (http, grpc, tcp), ``security`` one of mtls, tls and clear.
    """

    target: str
    host: str
    port: int
    scheme: str
    security: str
    address: str = ""

    @property
    def secure(self) -> bool:
        """False where what is sent can be read on the way."""
        return self.security != "clear"

    @property
    def words(self) -> str:
        """How it is protected, as one reads it."""
        return f"{self.scheme}, {_SECURITY.get(self.security, self.security)}"

    @property
    def end(self) -> str:
        """The host name and port that are dialled."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Node:
    """A participant in the picture.

    ``place`` is its host's name. ``ports`` are those that it opens; ``links`` are what it dials, its parent first.
    ``known`` is false for one that others dial and whose kit is not in this set; nothing else is known of it.
    """

    name: str
    type: ParticipantType
    place: str = ""
    ports: tuple[int, ...] = ()
    links: tuple[Link, ...] = ()
    known: bool = True


@dataclass(frozen=True)
class Topology:
    """Who is where and dials whom. Nodes are sorted: server, relays, sites, admins."""

    federation: str
    network: Network
    places: tuple[Place, ...]
    nodes: tuple[Node, ...]

    def place(self, name: str) -> Place:
        """Return the host of this name."""
        return next((place for place in self.places if place.name == name), Place(name))

    @property
    def words(self) -> str:
        """How many of each kind there are, and on how many hosts."""
        known = [node for node in self.nodes if node.known]
        hosts = {node.place for node in known}
        where = "on this machine" if hosts == {LOCAL} else f"on {_count(len(hosts), 'host')}"
        return f"{count(known)} {where}"


@dataclass(frozen=True)
class Branch:
    """Participants that are drawn together, since they are alike and have the same parent, and all that is below them.

    A server, a relay and whoever else has somebody below it is alone in its branch.
    """

    nodes: tuple[Node, ...]
    branches: tuple[Branch, ...] = ()

    @property
    def link(self) -> Link | None:
        """The connection to the parent; all of them have the same."""
        return self.nodes[0].links[0] if self.nodes[0].links else None

    @property
    def places(self) -> tuple[str, ...]:
        """The names of the hosts that they are on."""
        return tuple(dict.fromkeys(node.place for node in self.nodes))

    @property
    def name(self) -> str:
        """The name of the only one, or the names of all in short."""
        return in_short([node.name for node in self.nodes])


def branches(topology: Topology) -> tuple[Branch, ...]:
    """Return the tree of a federation: whoever dials nobody is at its root, and the others are below their parents.

    Those who are alike are drawn together by host; where that would be too many, those of several hosts are.
    Kits whose connections go round in a circle are drawn at the root, each once.
    """
    trees = [_grown(topology, most) for most in _MOST_PLACES]
    return next((tree for tree in trees if _size(tree) <= _MOST_BRANCHES), trees[-1])


def _size(tree: tuple[Branch, ...]) -> int:
    return sum(1 + _size(branch.branches) for branch in tree)


def _grown(topology: Topology, most: int) -> tuple[Branch, ...]:
    below: dict[str, list[Node]] = {}
    for node in topology.nodes:
        below.setdefault(node.links[0].target if node.links else "", []).append(node)
    drawn: set[str] = set()

    def grow(parent: str) -> tuple[Branch, ...]:
        children = [node for node in below.get(parent, ()) if node.name not in drawn]
        drawn.update(node.name for node in children)
        return tuple(Branch(group, grow(group[0].name)) for group in _alike(children, below, most))

    roots = list(grow(""))
    for node in topology.nodes:
        if node.name not in drawn:
            drawn.add(node.name)
            roots.append(Branch((node,), grow(node.name)))
    return tuple(roots)


def _alike(nodes: Sequence[Node], below: dict[str, list[Node]], most: int) -> Iterator[tuple[Node, ...]]:
    groups: dict[object, list[Node]] = {}
    places: dict[object, set[str]] = {}
    for node in nodes:
        places.setdefault(_kind(node), set()).add(node.place)
    for node in nodes:
        alone = node.type in ("server", "relay") or node.name in below
        merged = len(places[_kind(node)]) > most
        key = node.name if alone else (_kind(node), "" if merged else node.place)
        groups.setdefault(key, []).append(node)
    for group in groups.values():
        yield tuple(sorted(group, key=lambda node: in_order(node.name)))


def _kind(node: Node) -> object:
    link = node.links[0] if node.links else None
    return (node.type, node.known, link and (link.host, link.port, link.scheme, link.security))


def count(nodes: Sequence[Node]) -> str:
    """Return how many of each kind there are: ``1 server, 3 sites``."""
    found = [node.type for node in nodes]
    return ", ".join(_count(found.count(kind), word) for kind, word in _WORDS.items() if kind in found)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def word_for(kind: ParticipantType) -> str:
    """Return what people call a participant of this type."""
    return _WORDS[kind]


def in_order(name: str) -> list[tuple[int, str]]:
    """Return a key by which site-2 comes before site-10."""
    return [
        (int(part) if part.isdecimal() and len(part) < 19 else -1, part) for part in re.split(r"(\d+)", name) if part
    ]


def in_short(names: Sequence[str]) -> str:
    """Return names as one reads them: the first and the last where they are numbered without a gap."""
    if len(names) > 3:
        parts = [re.fullmatch(r"(.*?)(\d{1,18})", name, re.DOTALL | re.ASCII) for name in names]
        found = [(part[1], int(part[2])) for part in parts if part]
        first = found[0] if found else ("", 0)
        if found == [(first[0], first[1] + step) for step in range(len(names))]:
            return f"{names[0]} … {names[-1]}"
    return some_of(names)
