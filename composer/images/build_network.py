"""Which network a build's steps are on: BuildKit's own, unless what they need is on this machine's loopback alone.

A step is root, and runs what packages bring. On the host's network it reaches every service of the loopback address,
and what participants listen on there.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from composer.model.command import Command
from composer.model.errors import CommandFailed
from composer.model.federation import Image
from composer.system.process import run

# In an address of a proxy or an index, with a password or without.
_LOOPBACK = re.compile(
    r"(?:^|[/@=\s\"'])(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?=[:/\s\"']|$)", re.IGNORECASE | re.MULTILINE
)
_PROXIES = ("http_proxy", "https_proxy")


def build_network(image: Image, offline: bool) -> str:
    """Return what ``--network`` a build of ``image`` is given.

    Args:
        image: What goes into it.
        offline: Leave all steps without a network.
    """
    if offline:
        return "none"
    return "host" if needs_host(image) or not _has_bridge() else "default"


def needs_host(image: Image) -> bool:
    """Tell whether what the steps of a build need is on this machine's loopback alone."""
    return image.build_network == "host" or any(map(_LOOPBACK.search, _addresses(image)))


def _addresses(image: Image) -> Iterator[str]:
    for name in _PROXIES:
        yield from (os.environ.get(name, ""), os.environ.get(name.upper(), ""))
    yield from image.pip_options
    if image.pip_config:
        yield _text(image.pip_config)
    yield from _proxies_of_docker()


def _proxies_of_docker() -> Iterator[str]:
    """Those that Docker's client hands to each build by itself."""
    try:
        document = json.loads(_text(Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker", "config.json")))
        for proxies in document.get("proxies", {}).values():
            yield from (str(proxies.get(name, "")) for name in ("httpProxy", "httpsProxy"))
    except (ValueError, AttributeError, RuntimeError):
        return


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _has_bridge() -> bool:
    """Some engines are run without one (``"bridge": "none"``): steps then have no network but the host's."""
    try:
        run(Command(("docker", "network", "inspect", "bridge")), timeout=30)
    except CommandFailed:
        return False
    return True
