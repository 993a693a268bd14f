"""The /etc/hosts lines of the federation, for tools on the host itself; containers get theirs from Compose."""

from __future__ import annotations

from composer.model.federation import Federation, HostEntry

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def render_hosts(federation: Federation) -> str:
    """Return one ``address name`` line for each name that the participants resolve."""
    hosts = {participant.host for participant in federation.participants}
    entries = {entry for participant in federation.participants for entry in participant.host_entries}
    entries |= {entry for host in hosts for entry in host_lines(federation, host)}
    return "".join(f"{one.address} {one.name}\n" for one in sorted(entries, key=lambda one: (one.name, one.address)))


def render_all_hosts(federation: Federation) -> str:
    """Return the lines for each host, with its name above them where there are several."""
    names = sorted({participant.host for participant in federation.participants})
    parts = {name: federation.on(name) for name in names}
    if len(names) == 1:
        return render_hosts(federation)
    return "\n".join(f"# on {name}\n{render_hosts(part)}" for name, part in parts.items())


def host_lines(federation: Federation, host: str) -> tuple[HostEntry, ...]:
    """Return where the participants on a bridge network of ``host`` are reached from that host itself."""
    published = _ANYWHERE.get(federation.publish, federation.publish)
    return tuple(
        HostEntry(alias, published)
        for participant in federation.participants
        if participant.host == host and participant.ports
        for alias in participant.aliases
    )
