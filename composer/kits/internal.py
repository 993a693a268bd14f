"""The internal listener, NVFLARE's port for a participant's own jobs, as ``local/comm_config.json`` may fix it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

COMM_CONFIG = PurePosixPath("local/comm_config.json")
_HIGHEST = 65535
_FIXED = ("port", "ports", "path", "root_dir")


def is_for_own_jobs(section: object) -> bool:
    """Whether ``internal`` is no more than NVFLARE's default written down, as sites behind a relay have it.

    Such a listener is on loopback at any port (host ``localhost``, scheme ``tcp``), so nobody else is to find it.
    NVFLARE 2.6 to 2.8 open it on all interfaces all the same. composer's socket takes its place.
    """
    if not isinstance(section, Mapping) or section.get("scheme") != "tcp":
        return False
    resources = section.get("resources")
    if not isinstance(resources, Mapping) or any(key in resources for key in _FIXED):
        return False
    return all(is_loopback(resources.get(key, "localhost")) for key in ("host", "listen_host"))


def is_loopback(host: object) -> bool:
    """Whether a host of a listener means this machine alone."""
    return isinstance(host, str) and (host in ("localhost", "::1") or host.startswith("127."))


def without_own_listener(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return ``comm_config.json`` without an ``internal`` that is for own jobs alone; None where it stays as it is."""
    if not is_for_own_jobs(document.get("internal")):
        return None
    return {key: value for key, value in document.items() if key != "internal"}


def fixed_port(content: bytes) -> int:
    """Return the port at which a ``comm_config.json`` fixes the internal listener; 0 where it does not."""
    try:
        port = json.loads(content)["internal"]["resources"]["port"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return 0
    return port if isinstance(port, int) and not isinstance(port, bool) and 0 < port <= _HIGHEST else 0
