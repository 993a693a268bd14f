"""Federation → topology: who is where and dials whom. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from composer.model.federation import Federation
from composer.model.kinds import LOCAL, ParticipantType
from composer.model.kit import Connection, Kit
from composer.model.topology import Link, Node, Place, Topology, in_order


def resolve_topology(federation: Federation) -> Topology:
    """Return the picture of a federation, with those whom composer does not start, and those whom others dial.

    A connection leads to the participant whose identity answers; since NVFLARE 2.9 that may be another name than the
    participant's, and then to whoever listens there. Kits before 2.6 name nobody: their only parent is the server.
    """
    entries = {one.kit.name: {e.name: e.address for e in one.host_entries} for one in federation.participants}
    placed = [(one.kit, one.host) for one in federation.participants]
    placed += [(one.kit, one.host) for one in federation.elsewhere]
    kits = [kit for kit, _ in placed]
    nodes = tuple(
        Node(
            name=kit.name,
            type=kit.type,
            place=host,
            ports=tuple(sorted({listener.port for listener in kit.listens_on if listener.port})),
            links=tuple(_links(kit, kits, entries.get(kit.name, {}))),
        )
        for kit, host in placed
    )
    order: dict[ParticipantType, int] = {"server": 0, "relay": 1, "client": 2, "admin": 3}
    nodes = tuple(sorted((*nodes, *_strangers(nodes, kits)), key=lambda node: (order[node.type], in_order(node.name))))
    return Topology(federation.name, federation.network, _places(federation, nodes), nodes)


def _links(kit: Kit, kits: list[Kit], addresses: dict[str, str]) -> Iterator[Link]:
    for connection in kit.connects_to:
        yield Link(
            target=_answering(connection, kit, kits),
            host=connection.host,
            port=connection.port,
            scheme=kit.scheme,
            security=kit.connection_security,
            address=addresses.get(connection.host, ""),
        )


def _answering(connection: Connection, dialling: Kit, kits: list[Kit]) -> str:
    others = [kit for kit in kits if kit.name != dialling.name]
    if any(kit.name == connection.identity for kit in others):
        return connection.identity
    listening = (kit.name for kit in others if (connection.host, connection.port) in _ends(kit))
    server = "" if connection.identity else next((kit.name for kit in others if kit.type == "server"), "")
    return next(listening, "") or server or connection.identity or dialling.server_identity or connection.host


def _ends(kit: Kit) -> set[tuple[str, int]]:
    return {(listener.host, listener.port) for listener in kit.listens_on}


def _strangers(nodes: tuple[Node, ...], kits: list[Kit]) -> Iterator[Node]:
    """Whoever is dialled and has no kit in this set: the server where the kit says so or dials nobody else."""
    known = {node.name for node in nodes}
    servers = {kit.server_identity for kit in kits}
    for link in (link for node in nodes for link in node.links):
        if link.target not in known:
            known.add(link.target)
            kind: ParticipantType = "server" if link.target in servers or not any(servers) else "relay"
            yield Node(link.target, kind, ports=(link.port,), known=False)


def _places(federation: Federation, nodes: tuple[Node, ...]) -> tuple[Place, ...]:
    found = {one.host: Place(one.host, one.address) for one in federation.elsewhere}
    found |= {host.name: Place(host.name, host.address, host.endpoint, host.runtime) for host in federation.hosts}
    here = (
        [Place(LOCAL, runtime=federation.runtime)] if any(node.known and node.place == LOCAL for node in nodes) else []
    )
    return (*here, *sorted(found.values(), key=lambda place: in_order(place.name)))
