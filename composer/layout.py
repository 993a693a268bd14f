"""Names on which those who write a deployment and those who run it agree: files, paths in containers, labels."""

from __future__ import annotations

COMPOSE_FILE = "docker-compose.yml"
OVERRIDE_FILE = "compose.override.yml"

WORKSPACE = "/workspace"
JOB_STORE = "/tmp/nvflare"  # noqa: S108 - where NVFLARE's default resources.json puts jobs, in the container

DEPLOYMENT_LABEL = "flare-composer.deployment"
PARTICIPANT_LABEL = "flare-composer.participant"
TYPE_LABEL = "flare-composer.type"
AUTHORITY_LABEL = "flare-composer.authority"
INPUTS_LABEL = "flare-composer.inputs"
NVFLARE_LABEL = "flare-composer.nvflare"
