"""Hosts that no participant is on any more: nothing of them may go on running there, and no key may stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from composer.errors import ComposerError
from composer.manifest import Manifest
from composer.model import Command
from composer.process import run
from composer.remote.delivery import send
from composer.remote.parallel import on_each
from composer.remote.places import Place, places

if TYPE_CHECKING:
    from composer.talk import Talk


def leave(former: Manifest | None, manifest: Manifest, deployment: Path, talk: Talk) -> None:
    """Stop what runs on hosts of the last run that this one has not, and take the kits away; workspaces stay there.

    Args:
        former: What the deployment said of itself at its last run, if there was one.
        manifest: What it says now.
        deployment: The deployment folder.
        talk: Hears what is done, and which hosts are away.
    """
    left = tuple(host for host in former.hosts if host not in manifest.hosts) if former else ()
    if former is None or not left:
        return
    names = [host.name for host in left]
    talk.step(f"Leaving {', '.join(names)}")
    with places(replace(former, hosts=left), deployment, names=names) as opened:
        outcomes = on_each(tuple(opened.reached), lambda name: _leave(opened.reached[name]))
        failed = {**opened.away, **{name: one for name, one in outcomes.items() if isinstance(one, ComposerError)}}
        for name, error in failed.items():
            talk.warn(f"{error.message}; what ran on {name} may still run, and two with one identity fight")


def _leave(place: Place) -> None:
    with place.entered():
        run(Command(("docker", "compose", "--project-name", place.manifest.compose_project, "down")), 60)
    if place.connection is not None and place.found is not None:
        send(place.connection, {}, (), place.found)
