"""Names on which those who write a deployment and those who run it agree: files, paths in containers, labels."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

COMPOSE_FILE = "docker-compose.yml"
OVERRIDE_FILE = "compose.override.yml"
# Below it are files with values that are secret: they are never shown, and only their owner can read them.
PRIVATE = "private"
# What an engine without Compose runs containers with, and systemd's units of them.
RUN_FILE = "containers.json"
QUADLETS = "quadlets"
# Copies of the Compose files that containers were last made from.
STARTED = ".started"
# Which images were made for it, a file for each host.
IMAGES = ".images"
# What was changed, when and by whom.
HISTORY = ".history"

WORKSPACE = "/workspace"
# Emptied by the entrypoint at each start.
TMP_ON_DISK = f"{WORKSPACE}/composer.tmp"
JOB_STORE = "/tmp/nvflare"  # noqa: S108 - where NVFLARE's default resources.json puts jobs, in the container

DEPLOYMENT_LABEL = "flare-composer.deployment"
PARTICIPANT_LABEL = "flare-composer.participant"
TYPE_LABEL = "flare-composer.type"
AUTHORITY_LABEL = "flare-composer.authority"
PRIVATE_LABEL = "flare-composer.private"
CERTIFICATE_LABEL = "flare-composer.certificate"
INPUTS_LABEL = "flare-composer.inputs"
NVFLARE_LABEL = "flare-composer.nvflare"


def is_private_file(path: PurePath) -> bool:
    """Tell whether a file of a deployment folder, by its path below it, has values that are never shown."""
    return path.parts[:1] == (PRIVATE,) or (path.parts[:1] == ("hosts",) and path.parts[2:3] == (PRIVATE,))


def is_same_folder(label: str, folder: Path) -> bool:
    """Tell whether a label names this folder, maybe by another path: through a link, or with ``..`` in it."""
    return label == str(folder) or (bool(label) and os.path.realpath(label) == os.path.realpath(folder))
