"""What was changed in a deployment."""

from __future__ import annotations

from pathlib import Path

from composer.deployment.history import Change, read_history
from composer.usecases.inputs import deployed


def history(deployment: Path) -> tuple[Change, ...]:
    """Return the changes of a deployment, the oldest first.

    Args:
        deployment: The deployment folder.

    Raises:
        ComposerError: It is no deployment folder.
    """
    deployed(deployment)
    return read_history(deployment)
