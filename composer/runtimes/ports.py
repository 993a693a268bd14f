"""The ports that participants open on their machine."""

from __future__ import annotations

from collections.abc import Collection

from composer.deployment.manifest import Manifest
from composer.model.errors import ComposerError
from composer.system.probe import busy_port, holder_of


def require_free_ports(manifest: Manifest, running: Collection[str]) -> None:
    """Make sure that the ports which participants open are free, but for those that this deployment holds itself.

    Raises:
        ComposerError: One is taken. NVFLARE would share it silently, or wait for it for ever.
    """
    for participant in manifest.started:
        if participant.name in running:
            continue
        for port in participant.listens:
            family = busy_port(port, manifest.publish)
            if family:
                holder = holder_of(port)
                raise ComposerError(
                    f"port {port} of {participant.name} is taken on {family}{f' by {holder}' if holder else ''}",
                    f"see by whom with: ss -ltnp 'sport = :{port}', and stop that",
                )
