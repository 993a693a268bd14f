"""The /etc/hosts lines of the federation, for tools on the host itself; containers get theirs from Compose."""

from __future__ import annotations

from composer.model import Federation


def render_hosts(federation: Federation) -> str:
    """Return one ``address name`` line for each name that the participants resolve."""
    entries = {(e.address, e.name) for p in federation.participants for e in p.host_entries}
    return "".join(f"{address} {name}\n" for address, name in sorted(entries, key=lambda e: e[1]))
