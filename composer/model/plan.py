"""What a command is about to do, as data: files, and host by host who is started, restarted, left alone and stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class HostPlan:
    """What is to happen on one host. All names are participants'.

    Attributes:
        host: The host's name; ``local`` is this machine.
        images: Whose image, or virtual environment, is missing or stale there; for this machine, of all that are built
            here, whichever host they are for.
        keys: Whose private keys leave this machine for it.
        start: Who does not run there and is started.
        restart: Who runs there and is started anew, and why.
        keep: Who runs there and is left alone.
        stop: Who runs there and is stopped and removed.
    """

    host: str
    images: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    restart: Mapping[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What a command is about to do.

    Attributes:
        federation: The federation's name.
        write: The files that are written, by their paths below the deployment folder.
        hosts: What is to happen on each host.
        unreachable: The hosts that nothing is known of, and why.
    """

    federation: str
    write: tuple[str, ...] = ()
    hosts: tuple[HostPlan, ...] = ()
    unreachable: Mapping[str, str] = field(default_factory=dict)
