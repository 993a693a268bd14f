"""The console of an administrator whose kit is on another host."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.hosts.places import places
from composer.model.errors import ComposerError
from composer.runtimes import docker
from composer.system.process import attach

if TYPE_CHECKING:
    from composer.model.reporter import Reporter


def console(
    manifest: Manifest,
    deployment: Path,
    admin: DeployedParticipant,
    wants_command: bool,
    terminal: bool,
    reporter: Reporter,
) -> int:
    """Open the console of an administrator whose kit is on another host, and return its exit status.

    Raises:
        ComposerError: There is no terminal, the host is away, or a command is to run, which needs a folder from here.
    """
    if wants_command or not terminal:
        raise ComposerError(
            f"the kit of {admin.name} is on {admin.host}, where a command cannot see the folder that you are in",
            "take its host out of composer.yml: an administrator's kit is best on the administrator's machine",
        )
    with places(manifest, deployment, names=[admin.host]) as opened:
        for error in opened.away.values():
            raise error
        place = opened.reached[admin.host]
        reporter.warn(f"this is NVFLARE's own console; at «User Name» type {admin.name}")
        with place.entered():
            return attach(docker.console(place.deployment, admin.service))
