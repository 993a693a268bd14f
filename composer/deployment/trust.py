"""Who may have made a deployment folder: composer's user or root, and nobody else."""

from __future__ import annotations

from pathlib import Path

from composer.deployment.layout import COMPOSE_FILE, OVERRIDE_FILE
from composer.deployment.manifest import MANIFEST
from composer.system.ownership import require_own

_ACTED_ON = (MANIFEST, COMPOSE_FILE, OVERRIDE_FILE, "start.sh", "stop.sh", "lib", "participants", ".staged", ".started")


def require_trusted(deployment: Path) -> None:
    """Make sure that nobody else has made, or may change, a deployment folder and what containers are made from.

    Raises:
        ComposerError: Somebody else has, or may.
    """
    require_own(deployment)
    for name in _ACTED_ON:
        require_own(deployment / name, link=False)
