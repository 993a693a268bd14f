"""Whether participants can open their ports on this machine, in the words that ``up`` and ``doctor`` share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from composer.deployment.manifest import Manifest
from composer.model.errors import ComposerError
from composer.model.kinds import RuntimeName
from composer.system.probe import Opener, PortTrouble, port_trouble


def require_free_ports(manifest: Manifest, running: Collection[str]) -> None:
    """Make sure that participants can open their ports, but for those that this deployment holds itself.

    Raises:
        ComposerError: One cannot be opened. NVFLARE would share it silently, or wait for it for ever.
    """
    for participant in manifest.started:
        if participant.name in running:
            continue
        for port in participant.listens:
            if trouble := trouble_of(participant.name, port, manifest.runtime, manifest.publish):
                raise ComposerError(trouble.cause, trouble.hint)


def trouble_of(name: str, port: int, runtime: RuntimeName, publish: str) -> PortTrouble | None:
    """Return why a participant cannot open a port here, with its name in the cause; None where it can.

    Args:
        name: Of the participant.
        port: The port.
        runtime: How it runs.
        publish: Where the engine opens the port for it; empty where it opens the port itself.
    """
    opener: Opener = "process" if runtime == "process" else "engine" if publish else "container"
    found = port_trouble(port, publish, opener)
    return replace(found, cause=f"port {port} of {name} {found.cause}") if found else None
