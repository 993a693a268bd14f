"""The images, or the virtual environments, that are missing or stale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from composer.deployment.manifest import Manifest
from composer.model.reporter import SILENT, Reporter
from composer.runtimes.other import refuse_other_runtime
from composer.usecases.check import require_good_inputs
from composer.usecases.generate import Generated, pin_planned, write_planned
from composer.usecases.inputs import Inputs
from composer.usecases.locking import lock_inputs
from composer.usecases.planning import Planned, plan
from composer.usecases.session import open_session

if TYPE_CHECKING:
    from composer.runtimes.engine import Engine


def build(
    inputs: Inputs,
    reporter: Reporter = SILENT,
    force: bool = False,
    dry_run: bool = False,
    offline: bool = False,
    wait: bool = False,
    ignore: Sequence[str] = (),
) -> tuple[str, ...]:
    """Generate, then build the images that are missing or stale; return their participants' names.

    Args:
        inputs: Kits, definition, deployment folder.
        reporter: Hears what is done.
        force: As for :func:`generate`.
        dry_run: Only show the files and commands.
        offline: Fetch nothing from anywhere.
        wait: As for :func:`generate`.
        ignore: As for :func:`check`.

    Raises:
        ComposerError: As for :func:`generate`, or an image cannot be built.
    """
    from composer.images.building import build_stale
    from composer.runtimes import docker
    from composer.runtimes.engine import connect
    from composer.system.background import in_background

    with lock_inputs(inputs, reporter, wait, dry_run):
        session = open_session(inputs)
        if session.definition.runtime == "process":
            from composer.usecases import plain

            require_good_inputs(session, reporter, ignore)
            generated = write_planned(plan(session), reporter, force, dry_run)
            return plain.build(generated, inputs.deployment, reporter, dry_run)
        with in_background(docker.require_compose):
            require_good_inputs(session, reporter, ignore)
            refuse_other_runtime(inputs.deployment, "docker")
            engine = connect()
        planned = plan(session)
        generated = write_planned(planned, reporter, force, dry_run)
        if not dry_run:
            generated = pinned(engine, planned, generated, generated.manifest, reporter, force, offline)
        manifest = generated.manifest
        built = build_stale(engine, generated.federation, manifest.built_here, reporter, offline, dry_run)
        if dry_run or not manifest.hosts:
            return built
        from composer.hosts import across

        return (*built, *across.build(manifest, generated.federation, reporter, offline))


def pinned(
    engine: Engine,
    planned: Planned,
    generated: Generated,
    built: Manifest,
    reporter: Reporter,
    force: bool,
    offline: bool,
) -> Generated:
    """Where images among ``built`` that must be built are not pinned to hashes yet, pin them and generate again."""
    from composer.images.building import find_locks, waiting_services

    waiting = waiting_services(engine, built, generated.federation.deployment)
    found = {} if offline else find_locks(generated.federation, waiting, reporter)
    return pin_planned(planned, found, force) if found else generated
