"""Hosts that no participant is on any more: nothing of them may go on running there, and no key may stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from composer.errors import ComposerError
from composer.manifest import Manifest
from composer.model import Command, Host
from composer.process import run, surroundings
from composer.remote.delivery import look, send
from composer.remote.parallel import on_each
from composer.remote.ssh import connection
from composer.write import record

if TYPE_CHECKING:
    from composer.talk import Talk


def leave(manifest: Manifest, deployment: Path, talk: Talk, purge: bool = False) -> Manifest:
    """Stop what runs on hosts that earlier runs had and this one has not, and take the kits away.

    A host that is away stays among them, and the next run tries again.

    Args:
        manifest: What the deployment says of itself.
        deployment: The deployment folder, whose manifest is brought up to date.
        talk: Hears what is done, and which hosts are away.
        purge: Take the workspaces away, too.

    Returns:
        What the deployment says of itself now.
    """
    if not manifest.left:
        return manifest
    left = {f"{host.name} ({host.endpoint}, {host.path})": host for host in manifest.left}
    talk.step(f"Leaving {', '.join(host.name for host in left.values())}")
    outcomes = on_each(tuple(left), lambda name: _leave(left[name], purge))
    failed = {name: error for name, error in outcomes.items() if isinstance(error, ComposerError)}
    for name, error in failed.items():
        talk.warn(f"{error.message}; what ran on {left[name].name} may still run, and two with one identity fight")
    known = replace(manifest, left=tuple(left[name] for name in failed))
    record(known, deployment)
    return known


def _leave(host: Host, purge: bool) -> None:
    with connection(host) as opened:
        found = look(opened)
        with surroundings({"DOCKER_HOST": opened.docker_host, "DOCKER_CONTEXT": None}):
            # The folder there has the name of the Compose project that runs in it.
            run(Command(("docker", "compose", "--project-name", host.path.name, "down")), 60)
        if purge:
            opened.script("remove", str(host.path))
        else:
            send(opened, {}, (), found)
