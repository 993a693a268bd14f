"""What an engine says of itself, read from its answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from composer.system.times import parse_rfc_3339


@dataclass(frozen=True)
class EngineFacts:
    """What an engine says of itself and of its machine.

    ``root`` is where it keeps images, on that machine; ``memory`` are that machine's bytes, 0 if it does not say;
    and ``cpus`` its processors, likewise; ``selinux``: it starts each container under SELinux.
    """

    version: tuple[int, ...]
    system: str
    podman: bool
    rootless: bool
    local: bool
    gpus: bool
    root: Path
    time: datetime
    memory: int = 0
    selinux: bool = False
    cpus: int = 0


def engine_facts(said: Mapping[str, Any], version: Mapping[str, Any], local: bool) -> EngineFacts:
    """Return what the answers to ``/info`` and ``/version`` come to.

    Args:
        said: The answer to ``/info``.
        version: The answer to ``/version``.
        local: Whether the engine is on this machine.

    Raises:
        AttributeError, TypeError, ValueError: They are not as engines answer.
    """
    names = [part.get("Name", "") for part in version.get("Components") or ()]
    return EngineFacts(
        version=tuple(int(number) for number in re.findall(r"\d+", str(said.get("ServerVersion", "")))[:2]),
        system=str(said.get("OperatingSystem", "")),
        podman=any("podman" in name.lower() for name in names),
        rootless="name=rootless" in (said.get("SecurityOptions") or ()),
        local=local,
        gpus="nvidia" in (said.get("Runtimes") or {}) or bool(said.get("DiscoveredDevices")),
        root=Path(said.get("DockerRootDir") or "/"),
        time=parse_time(said.get("SystemTime", "")) or datetime.now(timezone.utc),
        memory=int(said.get("MemTotal") or 0),
        selinux="name=selinux" in (said.get("SecurityOptions") or ()),
        cpus=int(said.get("NCPU") or 0),
    )


def parse_time(text: str) -> datetime | None:
    """Return a time as the engine writes it (RFC 3339, in its machine's zone); None for its zero time."""
    return parse_rfc_3339(text) if text and not text.startswith("0001-") else None
