"""The use cases that run nothing: from kits and a definition to the deployment folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from composer.deployment.manifest import Manifest
from composer.model import LOCAL, Federation, GeneratedFile, Owner, Rendering
from composer.model.errors import ChecksFailed, ComposerError
from composer.model.talk import Talk, some_of
from composer.usecases.inputs import Inputs, known_inputs, resolved

if TYPE_CHECKING:
    from composer.deployment.difference import Difference
    from composer.kits.checks import CheckReport


@dataclass(frozen=True)
class Planned:
    """What generate is about to write, and what the folder said of itself before; nothing is written yet."""

    inputs: Inputs
    federation: Federation
    rendering: Rendering
    manifest: Manifest
    former: Manifest | None

    @property
    def dropped(self) -> tuple[str, ...]:
        """The participants that the folder started on other hosts until now, and that are no longer among the kits."""
        kept = {one.name for one in self.manifest.participants}
        former = self.former.started if self.former else ()
        return tuple(one.name for one in former if one.host != LOCAL and one.name not in kept)


@dataclass(frozen=True)
class Generated:
    """What generate wrote, or with ``dry_run`` would write: ``changed`` are paths below the folder."""

    federation: Federation
    manifest: Manifest
    changed: tuple[str, ...]


def check(
    inputs: Inputs, ignore: Sequence[str] = (), root_fingerprint: str = "", warn_days: int | None = None
) -> CheckReport:
    """Look at the kits offline and say what is wrong with them.

    Args:
        inputs: Kits, or where they are named.
        ignore: Ids of checks whose findings are left out.
        root_fingerprint: SHA-256 that the authority's certificate must have; empty: any.
        warn_days: Warn of certificates that end in fewer days.

    Raises:
        ComposerError: There is no kit, or an archive is refused.
    """
    from tempfile import TemporaryDirectory

    from composer.kits.checks import CheckOptions, check_kits

    known = known_inputs(inputs)
    options = CheckOptions(datetime.now(timezone.utc), warn_days, frozenset(ignore), root_fingerprint)
    with TemporaryDirectory(prefix="composer-") as folder:
        return check_kits(known.kits, Path(folder), options, known.pin)


def require_good_kits(inputs: Inputs, talk: Talk, ignore: Sequence[str] = ()) -> str:
    """Check the kits, warn of what stops nothing, and return the fingerprint of the authority that they all trust.

    Args:
        inputs: Kits, or where they are named.
        talk: Hears the warnings.
        ignore: Ids of checks whose findings are left out.

    Raises:
        ChecksFailed: One is bad.
    """
    from composer.kits.project import require_one_server

    report = check(inputs, ignore)
    require_one_server([kit.path for kit in report.kits if kit.type == "server"])
    if not report.ok:
        raise ChecksFailed(report.findings, "`composer check` on the same kits says all and what to do")
    for finding in report.findings:
        talk.warn(f"{finding.kit}: {finding.message} ({finding.id}); {finding.fix}")
    return report.kits[0].root_fingerprint


def require_good_inputs(inputs: Inputs, talk: Talk, ignore: Sequence[str] = ()) -> str:
    """Check where the deployment folder is to lie, then the kits, as :func:`require_good_kits` does.

    Raises:
        ComposerError: The folder is, holds or lies in kits, or holds what is not composer's.
        ChecksFailed: A kit is bad.
    """
    from composer.deployment.place import require_place

    known = known_inputs(inputs)
    require_place(known.deployment, [*known.kits, *([known.definition] if known.definition else [])])
    return require_good_kits(inputs, talk, ignore)


def generate(
    inputs: Inputs,
    talk: Talk,
    force: bool = False,
    dry_run: bool = False,
    wait: bool = False,
    ignore: Sequence[str] = (),
) -> Generated:
    """Write the deployment folder for the kits and run nothing.

    Args:
        inputs: Kits, definition, deployment folder.
        talk: Hears what is done.
        force: Replace generated files that were edited by hand, keeping each as ``.orig``.
        dry_run: Write nothing.
        wait: Wait for another composer that is at work on the folder.
        ignore: As for :func:`check`.

    Raises:
        ComposerError: The kits, the definition or the folder do not allow it, or another composer is at work there.
    """
    with lock_inputs(inputs, talk, wait, dry_run):
        require_good_inputs(inputs, talk, ignore)
        return write_planned(plan(inputs, {}), talk, force, dry_run)


def diff(inputs: Inputs) -> tuple[Difference, ...]:
    """Return what :func:`generate` would change in the deployment folder.

    Raises:
        ComposerError: As for :func:`generate`.
    """
    from composer.deployment.write import differences

    return differences(plan(inputs, {}).rendering, inputs.deployment)


def plan(inputs: Inputs, found: Mapping[str, str]) -> Planned:
    """Return what :func:`generate` is about to write; nothing is written, and no kit stays unpacked.

    Args:
        inputs: Kits, definition, deployment folder.
        found: Locks of images by their keys, besides those in the deployment folder.

    Raises:
        ComposerError: The kits or the definition do not allow it.
    """
    from composer.deployment.manifest import MANIFEST, parse_manifest
    from composer.deployment.write import read_manifest
    from composer.render import render_deployment

    known = known_inputs(inputs)
    caller = Owner(os.geteuid(), os.getegid())
    with resolved(known, caller, found, lies_in=known.deployment / "kits") as federation:
        rendering = render_deployment(federation, known.kits, known.definition, caller)
    try:
        former = read_manifest(known.deployment)
    except ComposerError:
        # A damaged one stops the writing, or is replaced with --force.
        former = None
    rendering = _with_hosts_left(rendering, former, known.deployment)
    text = next(file.content for file in rendering.files if file.path.name == MANIFEST).decode()
    return Planned(known, federation, rendering, parse_manifest(text, known.deployment / MANIFEST), former)


def write_planned(planned: Planned, talk: Talk, force: bool, dry_run: bool) -> Generated:
    """Write what was planned, and unpack the kits of archives; with ``dry_run`` only show what would be written.

    Raises:
        ComposerError: The folder does not allow it.
    """
    from composer.deployment.write import changed_files
    from composer.runtimes.other import refuse_other_runtime

    deployment = planned.inputs.deployment
    refuse_other_runtime(deployment, planned.federation.runtime)
    _warn_of_plan(planned, talk)
    if dry_run:
        changed = changed_files(planned.rendering, deployment)
        for path in changed:
            talk.command(f"write {deployment / path}")
        return Generated(planned.federation, planned.manifest, tuple(map(str, changed)))
    return _write(planned, force)


def pin_planned(planned: Planned, found: Mapping[str, str], force: bool) -> Generated:
    """Write anew what was planned and written, with locks that have been found since.

    Raises:
        ComposerError: As for :func:`write_planned`.
    """
    return _write(plan(planned.inputs, found), force)


def _write(planned: Planned, force: bool) -> Generated:
    from composer.deployment.write import begin, write_deployment
    from composer.kits.sources import find_kits

    known = planned.inputs
    if not all(path.is_dir() for path in known.kits):
        begin(known.deployment)
        find_kits(known.kits, known.deployment / "kits", known.pin)
    changed = write_deployment(planned.rendering, known.deployment, force)
    return Generated(planned.federation, planned.manifest, tuple(map(str, changed)))


def _warn_of_plan(planned: Planned, talk: Talk) -> None:
    federation, known = planned.federation, planned.inputs
    if known.nearby and known.definition and known.nearby != known.definition:
        talk.warn(
            f"{known.definition} is used, as when this deployment was made, and not {known.nearby}; choose with -f FILE"
        )
    if federation.elsewhere:
        talk.warn(
            f"{', '.join(federation.elsewhere)}: left out, on a host without an endpoint; "
            "its administrator starts a bundle: composer bundle -o DIR"
        )
    contained = [one for one in federation.participants if one.host == LOCAL and federation.runtime == "docker"]
    if any(one.user.uid == 0 for one in contained):
        talk.warn(
            "the kits belong to root, so the containers run as root (without capabilities); "
            "give the kits to an ordinary user to avoid that"
        )


def agree_to_remove(
    running: Sequence[str], planned: Planned, remove: Callable[[str], bool], talk: Talk, dry_run: bool
) -> None:
    """Make sure that whoever runs and is not among the kits goes on, unless somebody has agreed that it ends.

    Raises:
        ComposerError: Nobody has.
    """
    kept = {name for one in planned.manifest.participants for name in (one.name, one.service)}
    ending = sorted({*planned.dropped, *running} - kept)
    if not ending:
        return
    if dry_run:
        talk.warn(f"{some_of(ending)} would be stopped and removed: not among these kits")
    elif not remove(f"{some_of(ending)} run in this deployment and are not among these kits. Stop and remove them?"):
        raise ComposerError(
            f"{some_of(ending)} run in this deployment, and would be stopped and removed: not among these kits",
            "give the kits of all who are to run, or add --remove",
        )


def forget_old_kits(manifest: Manifest, deployment: Path) -> None:
    """Delete the kits that archives had brought and that nobody in the deployment runs with any more."""
    import shutil

    used = {participant.kit.name for participant in manifest.participants if participant.kit.parent.name == "kits"}
    for kit in (deployment / "kits").glob("*"):
        if kit.name not in used and kit.is_dir() and not kit.is_symlink():
            shutil.rmtree(kit, ignore_errors=True)


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


@contextmanager
def lock_inputs(inputs: Inputs, talk: Talk, wait: bool, dry_run: bool) -> Iterator[None]:
    """Be the only composer at work on a folder that these inputs may be written to; what is there is read only then.

    Raises:
        ComposerError: The folder is no place for a deployment, or another composer is at work there.
    """
    from composer.deployment.place import require_place

    # Not even a lock may be made in a kit.
    require_place(inputs.deployment, [*inputs.kits, *([inputs.definition] if inputs.definition else [])])
    with taking_turns(inputs.deployment, talk, wait, dry_run):
        yield


def taking_turns(
    deployment: Path, talk: Talk, wait: bool, dry_run: bool, needed: bool = True
) -> AbstractContextManager[None]:
    """Be the only composer at work on a deployment folder, for the time of the block; a dry run need not be.

    Raises:
        ComposerError: Another is, and this was not asked to wait for it; or nothing can be written there, and the lock
            is ``needed``.
    """
    from composer.deployment.turn import my_turn

    if dry_run:
        return nullcontext()
    return my_turn(deployment, wait, lambda who: talk.step(f"Waiting for {who}"), needed)


def alone_with(compose_project: str, talk: Talk, wait: bool, dry_run: bool) -> AbstractContextManager[None]:
    """Be the only composer of this machine at work on a Compose project, whatever the folder; a dry run need not be.

    Raises:
        ComposerError: Another is, and this was not asked to wait for it.
    """
    from composer.deployment.turn import my_project

    return nullcontext() if dry_run else my_project(compose_project, wait, lambda who: talk.step(f"Waiting for {who}"))
