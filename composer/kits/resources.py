"""``local/resources.json``: how many sites a server takes.

NVFLARE reads ``resources.json`` and, where there is none, ``resources.json.default`` (nvflare/apis/workspace.py). The
server's ``max_num_clients`` is in the first of its ``servers``; without it, NVFLARE takes 100 sites and rejects the
rest (nvflare/private/fed/app/deployer/server_deployer.py, private/fed/server/client_manager.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RESOURCES = ("resources.json", "resources.json.default")
_KEY = "max_num_clients"
_OTHERWISE = 100


def max_num_clients_of(document: Mapping[str, Any]) -> int:
    """Return how many sites a server with these resources takes."""
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    said = first.get(_KEY) if isinstance(first, Mapping) else None
    return max(said, 1) if isinstance(said, int) and not isinstance(said, bool) else _OTHERWISE


def with_max_num_clients(document: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Return a server's resources with another number of sites, and the rest as it is."""
    servers = document.get("servers")
    first, *rest = servers if isinstance(servers, list) and servers else [{}]
    return {**document, "servers": [{**(first if isinstance(first, Mapping) else {}), _KEY: most}, *rest]}
