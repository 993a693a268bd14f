"""The images, or the virtual environments, that are missing or stale."""

from __future__ import annotations

from collections.abc import Sequence

from composer.deployment.manifest import Manifest
from composer.model.reporter import SILENT, Reporter
from composer.runtimes.lifecycle import Lifecycle, lifecycle_of
from composer.runtimes.other import refuse_other_runtime
from composer.system.background import in_background
from composer.usecases.check import require_good_inputs
from composer.usecases.generate import Generated, pin_planned, write_planned
from composer.usecases.inputs import Inputs
from composer.usecases.locking import lock_inputs
from composer.usecases.planning import Planned, plan
from composer.usecases.session import open_session


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
    with lock_inputs(inputs, reporter, wait, dry_run):
        session = open_session(inputs)
        lifecycle = lifecycle_of(session.definition.runtime, inputs.deployment)
        with in_background(lifecycle.require_tools):
            require_good_inputs(session, reporter, ignore)
            # To be told so takes no tools.
            refuse_other_runtime(inputs.deployment, session.definition.runtime)
        planned = plan(session)
        generated = write_planned(planned, reporter, force, dry_run)
        if not (dry_run or offline):
            generated = pinned(lifecycle, planned, generated, generated.manifest, reporter, force)
        manifest = generated.manifest
        built = lifecycle.build(generated.federation, manifest, reporter, offline, dry_run)
        if dry_run:
            return built
        if not manifest.hosts:
            return built
        from composer.hosts.images import build_on_hosts

        return (*built, *build_on_hosts(manifest, generated.federation, reporter, offline))


def pinned(
    lifecycle: Lifecycle, planned: Planned, generated: Generated, built: Manifest, reporter: Reporter, force: bool
) -> Generated:
    """Where what is to be built of ``built`` is not pinned to hashes yet, pin it and generate again."""
    found = lifecycle.find_locks(generated.federation, built, reporter)
    return pin_planned(planned, found, force) if found else generated
