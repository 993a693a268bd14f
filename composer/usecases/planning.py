"""What is about to be written, from kits and a definition; nothing is written yet."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from composer.deployment.manifest import Manifest
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.files import GeneratedFile, Owner, Rendering
from composer.model.kinds import LOCAL
from composer.model.reporter import some_of
from composer.runtimes.lifecycle import form_of
from composer.usecases.session import Session


@dataclass(frozen=True)
class Planned:
    """What generate is about to write, and what the folder said of itself before; nothing is written yet."""

    session: Session
    federation: Federation
    rendering: Rendering
    manifest: Manifest
    former: Manifest | None

    @property
    def names(self) -> frozenset[str]:
        """Whom the kits are of, by participant and by service."""
        return frozenset(name for one in self.manifest.participants for name in (one.name, one.service))

    @property
    def everybody(self) -> Manifest:
        """What is about to be written, with those who were in the folder until now and leave it."""
        leaving = (one for one in (self.former.participants if self.former else ()) if one.name not in self.names)
        return replace(self.manifest, participants=(*self.manifest.participants, *leaving))

    @property
    def dropped(self) -> tuple[str, ...]:
        """The participants that the folder started on other hosts until now, and that are no longer among the kits."""
        former = self.former.started if self.former else ()
        return tuple(one.name for one in former if one.host != LOCAL and one.name not in self.names)


def plan(session: Session, found: Mapping[str, str] | None = None) -> Planned:
    """Return what :func:`generate` is about to write; nothing is written, and no kit stays unpacked.

    Args:
        session: What was given.
        found: Locks of images by their keys, besides those in the deployment folder.

    Raises:
        ComposerError: The kits or the definition do not allow it.
    """
    from composer.deployment.manifest import MANIFEST, parse_manifest
    from composer.deployment.recorded import read_manifest
    from composer.render.deployment import render_deployment

    deployment = session.deployment
    caller = Owner(os.geteuid(), os.getegid())
    with session.resolved(found, lies_in=deployment / "kits") as federation:
        rendering = render_deployment(federation, session.kits, session.definition_file, caller, form_of)
    try:
        former = read_manifest(deployment)
    except ComposerError:
        # A damaged one stops the writing, or is replaced with --force.
        former = None
    rendering = _with_hosts_left(rendering, former, deployment)
    text = next(file.content for file in rendering.files if file.path.name == MANIFEST).decode()
    return Planned(session, federation, rendering, parse_manifest(text, deployment / MANIFEST), former)


def _with_hosts_left(rendering: Rendering, former: Manifest | None, deployment: Path) -> Rendering:
    """Keep in mind which hosts the folder had until now: only `up` and `down` go there to end what runs."""
    from composer.deployment.manifest import MANIFEST, dump_manifest, parse_manifest

    if former is None or not (former.hosts or former.left):
        return rendering

    def kept(file: GeneratedFile) -> GeneratedFile:
        if file.path.name != MANIFEST:
            return file
        manifest = parse_manifest(file.content.decode(), deployment / MANIFEST)
        return replace(file, content=dump_manifest(manifest.after(former)).encode())

    return replace(rendering, files=tuple(map(kept, rendering.files)))


def agree_to_stop(ending: Sequence[str], remove: Callable[[str], bool]) -> None:
    """Make sure that whoever runs and is not among the kits goes on, unless somebody has agreed that it ends.

    Args:
        ending: Who would end.
        remove: Asked.

    Raises:
        ComposerError: Nobody has.
    """
    if not ending:
        return
    runs = "runs" if len(ending) == 1 else "run"
    if not remove(f"{some_of(ending)} {runs} in this deployment, and not among these kits. Stop and remove?"):
        raise ComposerError(
            f"{some_of(ending)} {runs} in this deployment, and would be stopped and removed: not among these kits",
            "give the kits of all who are to run, or add --remove",
        )
