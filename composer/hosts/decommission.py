"""Hosts that no participant is on any more: nothing of them may go on running there, and no key may stay."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from composer.deployment.manifest import Manifest
from composer.deployment.recorded import record_or_warn
from composer.hosts.delivery import remove, send
from composer.hosts.parallel import on_each
from composer.hosts.remote import RemoteHost, connect_remote
from composer.model.errors import ComposerError
from composer.model.host import Host

if TYPE_CHECKING:
    from composer.model.reporter import Reporter


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
    outcomes = on_each(tuple(left), lambda name: _leave(left[name], manifest, deployment, purge))
    failed = {name: error for name, error in outcomes.items() if isinstance(error, ComposerError)}
    for name, error in failed.items():
        reporter.warn(f"{error.message}; what ran on {left[name].name} may still run, and two with one identity fight")
    for name, outcome in outcomes.items():
        for what in outcome if isinstance(outcome, tuple) else ():
            reporter.warn(f"{left[name].name}: {what}")
    known = replace(manifest, left=tuple(left[name] for name in failed))
    record_or_warn(known, deployment, reporter)
    return known


def former_host(host: Host, manifest: Manifest, deployment: Path) -> AbstractContextManager[RemoteHost]:
    """Connect to a host that earlier runs had and this one has not, for the time of the block.

    Args:
        host: Which one.
        manifest: What the deployment says of itself.
        deployment: The deployment folder.

    Raises:
        HostError: As for :func:`composer.hosts.remote.connect_remote`.
    """
    # The folder there has the name of the Compose project that runs in it.
    project = host.path.name
    nobody = replace(manifest, participants=(), hosts=(), runtime=host.runtime, compose_project=project)
    return connect_remote(host, nobody, deployment)


def _leave(host: Host, manifest: Manifest, deployment: Path, purge: bool) -> tuple[str, ...]:
    """Return what stays there since it is not of this deployment."""
    with former_host(host, manifest, deployment) as former:
        if foreign := former.belongs_to_another():
            return (foreign,)
        with former.entered(), former.named():
            former.lifecycle.leave(former.manifest)
        if purge:
            left: list[str] = []
            remove(former.connection, left.append)
            return tuple(left)
        if former.found.recorded:
            send(former.connection, {}, (), former.found)
        return ()
