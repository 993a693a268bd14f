"""From kits and a definition to the deployment folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from composer.deployment.manifest import Manifest
from composer.kits.releases import is_known, nearest_release
from composer.model.federation import Federation
from composer.model.plan import Plan
from composer.model.reporter import SILENT, Reporter
from composer.runtimes.lifecycle import form_of
from composer.runtimes.other import refuse_other_runtime
from composer.usecases.check import require_good_inputs
from composer.usecases.inputs import Inputs
from composer.usecases.locking import lock_inputs
from composer.usecases.planning import Planned, plan
from composer.usecases.session import open_session


@dataclass(frozen=True)
class Generated:
    """What generate wrote, or with ``dry_run`` would write: ``changed`` are paths below the folder."""

    federation: Federation
    manifest: Manifest
    changed: tuple[str, ...]


def generate(
    inputs: Inputs,
    reporter: Reporter = SILENT,
    force: bool = False,
    wait: bool = False,
    ignore: Sequence[str] = (),
) -> Generated:
    """Write the deployment folder for the kits and run nothing.

    Args:
        inputs: Kits, definition, deployment folder.
        reporter: Hears what is done.
        force: Replace generated files that were edited by hand, keeping each as ``.orig``.
        wait: Wait for another composer that is at work on the folder.
        ignore: As for :func:`check`.

    Raises:
        ComposerError: The kits, the definition or the folder do not allow it, or another composer is at work there.
    """
    with lock_inputs(inputs, reporter, wait, dry_run=False):
        session = open_session(inputs)
        require_good_inputs(session, reporter, ignore)
        refuse_other_runtime(inputs.deployment, session.definition.runtime)
        return write_planned(plan(session), reporter, force, dry_run=False)


def plan_generate(inputs: Inputs, reporter: Reporter = SILENT, force: bool = False, ignore: Sequence[str] = ()) -> Plan:
    """Return what :func:`generate` would do; nothing is changed, and no lock is taken.

    Args:
        inputs: Kits, definition, deployment folder.
        reporter: Hears what the user should know.
        force: As for :func:`generate`.
        ignore: As for :func:`check`.

    Raises:
        ComposerError: As for :func:`generate`.
    """
    with lock_inputs(inputs, reporter, wait=False, dry_run=True):
        session = open_session(inputs)
        require_good_inputs(session, reporter, ignore)
        refuse_other_runtime(inputs.deployment, session.definition.runtime)
        generated = write_planned(plan(session), reporter, force, dry_run=True)
        return Plan(generated.federation.name, generated.changed)


def write_planned(planned: Planned, reporter: Reporter, force: bool, dry_run: bool) -> Generated:
    """Write what was planned, and unpack the kits of archives; with ``dry_run`` only show what would be written.

    That nothing runs there which the runtime's commands could not stop was made sure of before.

    Raises:
        ComposerError: The folder does not allow it.
    """
    from composer.deployment.write import changed_files

    deployment = planned.session.deployment
    _warn_of_plan(planned, reporter)
    if dry_run:
        changed = changed_files(planned.rendering, deployment)
        for path in changed:
            reporter.command(f"write {deployment / path}")
        return Generated(planned.federation, planned.manifest, tuple(map(str, changed)))
    return _write(planned, force)


def pin_planned(planned: Planned, found: Mapping[str, str], force: bool) -> Generated:
    """Write anew what was planned and written, with locks that have been found since.

    Raises:
        ComposerError: As for :func:`write_planned`.
    """
    return _write(plan(planned.session, found), force)


def _write(planned: Planned, force: bool) -> Generated:
    from composer.deployment.write import begin, write_deployment
    from composer.kits.sources import find_kits

    session = planned.session
    if not all(path.is_dir() for path in session.kits):
        begin(session.deployment)
        find_kits(session.kits, session.deployment / "kits", session.inputs.pin)
    changed = write_deployment(planned.rendering, session.deployment, force)
    return Generated(planned.federation, planned.manifest, tuple(map(str, changed)))


def _warn_of_plan(planned: Planned, reporter: Reporter) -> None:
    federation, file = planned.federation, planned.session.definition_file
    given, nearby = planned.session.inputs.definition, planned.session.inputs.nearby
    if nearby and file and not given and nearby != file:
        reporter.warn(f"{file} is used, as when this deployment was made, and not {nearby}; choose with -f FILE")
    if federation.elsewhere:
        left_out = ", ".join(sorted(one.kit.name for one in federation.elsewhere))
        reporter.warn(
            f"{left_out}: left out, on a host without an endpoint; "
            "its administrator starts a bundle: composer bundle -o DIR"
        )
    for version in sorted({one.image.nvflare for one in federation.participants if not is_known(one.image.nvflare)}):
        nearest = nearest_release(version).name
        reporter.warn(f"NVFLARE {version} is of a release that this composer does not know; it is taken for {nearest}")
    for warning in form_of(federation.runtime).warnings(federation):
        reporter.warn(warning)


def forget_old_kits(manifest: Manifest, deployment: Path) -> None:
    """Delete the kits that archives had brought and that nobody in the deployment runs with any more."""
    import shutil

    used = {participant.kit.name for participant in manifest.participants if participant.kit.parent.name == "kits"}
    for kit in (deployment / "kits").glob("*"):
        if kit.name not in used and kit.is_dir() and not kit.is_symlink():
            shutil.rmtree(kit, ignore_errors=True)
