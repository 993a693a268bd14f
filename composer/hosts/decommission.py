"""Hosts that no participant is on any more: nothing of them may go on running there, and no key may stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from composer.deployment.layout import is_same_folder
from composer.deployment.manifest import Manifest
from composer.deployment.recorded import record
from composer.hosts.delivery import Found, is_of_another, look, remove, send
from composer.hosts.parallel import on_each
from composer.hosts.remote import engine_of
from composer.hosts.ssh import connection
from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.model.host import Host
from composer.render.remote import host_folder
from composer.system.foreign_text import clip, escape_line
from composer.system.process import run, surroundings

if TYPE_CHECKING:
    from composer.model.reporter import Reporter
    from composer.runtimes.engine import Container, Engine


def decommission(manifest: Manifest, deployment: Path, reporter: Reporter, purge: bool = False) -> Manifest:
    """Stop what runs on hosts that earlier runs had and this one has not, and take the kits away.

    A host that is away stays among them, and the next run tries again.

    Args:
        manifest: What the deployment says of itself.
        deployment: The deployment folder, whose manifest is brought up to date.
        reporter: Hears what is done, and which hosts are away.
        purge: Take the workspaces away, too.

    Returns:
        What the deployment says of itself now.
    """
    if not manifest.left:
        return manifest
    left = {f"{host.name} ({host.endpoint}, {host.path})": host for host in manifest.left}
    reporter.step(f"Leaving {', '.join(host.name for host in left.values())}")
    outcomes = on_each(tuple(left), lambda name: _leave(left[name], deployment, purge))
    failed = {name: error for name, error in outcomes.items() if isinstance(error, ComposerError)}
    for name, error in failed.items():
        reporter.warn(f"{error.message}; what ran on {left[name].name} may still run, and two with one identity fight")
    for name, outcome in outcomes.items():
        for what in outcome if isinstance(outcome, tuple) else ():
            reporter.warn(f"{left[name].name}: {what}")
    known = replace(manifest, left=tuple(left[name] for name in failed))
    record(known, deployment)
    return known


def belongs_to_another(host: Host, engine: Engine, found: Found, deployment: Path) -> str:
    """Return why what runs on a host, and lies in its folder, is left alone; empty where it is this deployment's."""
    project, here = host.path.name, host_folder(deployment, host.name)
    containers = engine.containers(project)
    foreign = sorted({one.deployment or "something else" for one in containers if not _is_of(one, here)})
    if not foreign and not is_of_another(found, here):
        return ""
    owner = clip(escape_line(foreign[0]), 200) if foreign else "another deployment"
    return f"nothing was stopped or deleted there: {project} belongs to {owner}"


def _leave(host: Host, deployment: Path, purge: bool) -> tuple[str, ...]:
    """Return what stays there since it is not of this deployment."""
    with connection(host) as opened:
        found = look(opened)
        project = host.path.name
        if foreign := belongs_to_another(host, engine_of(opened), found, deployment):
            return (foreign,)
        with surroundings({"DOCKER_HOST": opened.docker_host, "DOCKER_CONTEXT": None}):
            # The folder there has the name of the Compose project that runs in it.
            run(Command(("docker", "compose", "--project-name", project, "down")), 60)
        if purge:
            left: list[str] = []
            remove(opened, left.append)
            return tuple(left)
        if found.recorded:
            send(opened, {}, (), found)
        return ()


def _is_of(container: Container, folder: Path) -> bool:
    return is_same_folder(container.deployment, folder)
