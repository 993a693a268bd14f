"""Names on which those who write a deployment and those who run it agree: files, paths in containers, labels."""

from __future__ import annotations

import os
from pathlib import Path

COMPOSE_FILE = "docker-compose.yml"
OVERRIDE_FILE = "compose.override.yml"
# Copies of the Compose files that containers were last made from.
STARTED = ".started"
# Which images were made for it, a file for each host.
IMAGES = ".images"
# What was changed, when and by whom.
HISTORY = ".history"

WORKSPACE = "/workspace"
JOB_STORE = "/tmp/nvflare"  # noqa: S108 - where NVFLARE's default resources.json puts jobs, in the container

DEPLOYMENT_LABEL = "flare-composer.deployment"
PARTICIPANT_LABEL = "flare-composer.participant"
TYPE_LABEL = "flare-composer.type"
AUTHORITY_LABEL = "flare-composer.authority"
CERTIFICATE_LABEL = "flare-composer.certificate"
INPUTS_LABEL = "flare-composer.inputs"
NVFLARE_LABEL = "flare-composer.nvflare"


def is_same_folder(label: str, folder: Path) -> bool:
    """Tell whether a label names this folder, maybe by another path: through a link, or with ``..`` in it."""
    return label == str(folder) or (bool(label) and os.path.realpath(label) == os.path.realpath(folder))
