"""The images, or the virtual environments, that are missing or stale."""

from __future__ import annotations

from collections.abc import Sequence

from composer.deployment.manifest import Manifest
from composer.model.kinds import LOCAL
from composer.model.plan import HostPlan, Plan
from composer.model.reporter import SILENT, Reporter
from composer.runtimes.lifecycle import lifecycle_of
from composer.runtimes.makers import Makers
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
    offline: bool = False,
    wait: bool = False,
    ignore: Sequence[str] = (),
) -> tuple[str, ...]:
    """Generate, then build the images that are missing or stale; return their participants' names.

    Args:
        inputs: Kits, definition, deployment folder.
        reporter: Hears what is done.
        force: As for :func:`generate`.
        offline: Fetch nothing from anywhere.
        wait: As for :func:`generate`.
        ignore: As for :func:`check`.

    Raises:
        ComposerError: As for :func:`generate`, or an image cannot be built.
    """
    with lock_inputs(inputs, reporter, wait, dry_run=False):
        makers, planned = _planned(inputs, reporter, ignore)
        generated = write_planned(planned, reporter, force, dry_run=False)
        if not offline:
            generated = pinned(makers, planned, generated, generated.manifest, reporter, force)
        manifest, federation = generated.manifest, generated.federation
        built = makers.build(federation, manifest, reporter, offline, dry_run=False)
        if not manifest.hosts:
            return built
        from composer.hosts.images import build_on_hosts

        return (*built, *build_on_hosts(manifest, federation, reporter, offline))


def plan_build(
    inputs: Inputs,
    reporter: Reporter = SILENT,
    force: bool = False,
    offline: bool = False,
    ignore: Sequence[str] = (),
) -> Plan:
    """Return what :func:`build` would do on this machine, and show the commands; nothing is changed.

    Args:
        inputs: Kits, definition, deployment folder.
        reporter: Hears the commands, and what the user should know.
        force: As for :func:`generate`.
        offline: Fetch nothing from anywhere.
        ignore: As for :func:`check`.

    Raises:
        ComposerError: As for :func:`build`.
    """
    with lock_inputs(inputs, reporter, wait=False, dry_run=True):
        makers, planned = _planned(inputs, reporter, ignore)
        generated = write_planned(planned, reporter, force, dry_run=True)
        names = makers.build(generated.federation, generated.manifest, reporter, offline, dry_run=True)
        return Plan(generated.federation.name, generated.changed, (HostPlan(LOCAL, images=names),))


def _planned(inputs: Inputs, reporter: Reporter, ignore: Sequence[str]) -> tuple[Makers, Planned]:
    session = open_session(inputs)
    lifecycle = lifecycle_of(session.definition.runtime_here, inputs.deployment)
    with in_background(lifecycle.require_tools):
        require_good_inputs(session, reporter, ignore)
        # To be told so takes no tools.
        refuse_other_runtime(inputs.deployment, session.definition.runtime_here)
    planned, makers = plan(session), Makers(inputs.deployment, lifecycle)
    makers.require_tools_of_others(planned.manifest)
    return makers, planned


def pinned(
    makers: Makers, planned: Planned, generated: Generated, built: Manifest, reporter: Reporter, force: bool
) -> Generated:
    """Where what is to be built of ``built`` is not pinned to hashes yet, pin it and generate again."""
    found = makers.find_locks(generated.federation, built, reporter)
    return pin_planned(planned, found, force) if found else generated
