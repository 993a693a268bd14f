"""Who may have made a deployment folder: composer's user or root, and nobody else."""

from __future__ import annotations

from pathlib import Path

from composer.deployment.layout import (
    COMPOSE_FILE,
    HISTORY,
    IMAGES,
    OVERRIDE_FILE,
    PRIVATE,
    QUADLETS,
    RUN_FILE,
    STARTED,
)
from composer.deployment.manifest import MANIFEST
from composer.system.ownership import require_own

# What containers and processes are started from: no link stands for it.
_STARTED_FROM = (
    MANIFEST,
    COMPOSE_FILE,
    OVERRIDE_FILE,
    RUN_FILE,
    QUADLETS,
    "start.sh",
    "stop.sh",
    "lib",
    "participants",
    ".staged",
    STARTED,
    HISTORY,
    PRIVATE,
)
# What else is read, run or written there. Where one is a link, who writes or deletes says so: it may be the user's own.
# "job-store" and "kits" are left out: they may be of the kits' owners, who are others than composer's user.
_OWN = (
    *("status.sh", "logs.sh", "admin.sh", "check.sh"),
    *("images", "hosts", "local", "python", "venvs", "workspaces", IMAGES),
)


def require_trusted(deployment: Path) -> None:
    """Make sure that nobody else has made, or may change, a deployment folder and what composer acts on in it.

    Raises:
        ComposerError: Somebody else has, or may.
    """
    require_own(deployment)
    for name in _STARTED_FROM:
        require_own(deployment / name, link="refuse")
    for name in _OWN:
        require_own(deployment / name, link="itself")
