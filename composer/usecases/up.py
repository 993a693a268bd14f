"""From kits to a running federation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from composer.hosts.preflight import check_hosts
from composer.hosts.starting import bring, moving, reach, show, start
from composer.model.federation import Federation
from composer.model.kinds import LOCAL
from composer.model.reporter import SILENT, Reporter
from composer.model.status import FederationStatus
from composer.runtimes.lifecycle import lifecycle_of
from composer.runtimes.listeners import name_opened_ports, require_unshared_ports
from composer.runtimes.other import refuse_other_runtime
from composer.system.background import in_background, tried_in_background
from composer.usecases.build import pinned
from composer.usecases.check import require_good_inputs
from composer.usecases.generate import forget_old_kits, write_planned
from composer.usecases.inputs import Inputs
from composer.usecases.locking import lock_inputs, reserved
from composer.usecases.planning import agree_to_remove, plan
from composer.usecases.session import open_session

if TYPE_CHECKING:
    from composer.runtimes.engine_facts import EngineFacts

DEFAULT_TIMEOUT = 120.0


def up(
    inputs: Inputs,
    reporter: Reporter = SILENT,
    timeout: float | None = DEFAULT_TIMEOUT,
    force: bool = False,
    dry_run: bool = False,
    wait: bool = False,
    ignore: Sequence[str] = (),
    confirm: Callable[[str], bool] = lambda _: False,
    remove: Callable[[str], bool] = lambda _: False,
) -> FederationStatus:
    """Generate and build what is missing or stale, start, and wait until federated.

    Args:
        inputs: Kits, definition, deployment folder.
        reporter: Hears what is done and how far the participants are.
        timeout: Seconds to wait for the registrations; None: start, and do not wait.
        force: As for :func:`generate`.
        dry_run: Only show the files and commands.
        wait: As for :func:`generate`.
        ignore: As for :func:`check`.
        confirm: Asked before a private key leaves this machine for the first time.
        remove: Asked before running participants are removed that are not among the kits.

    Raises:
        NotHealthy: Somebody has not registered in time, or has been shut down or removed; the others go on trying.
        ComposerError: Anything else went wrong; then what this has started is gone, and what ran before goes on.
    """
    deployment = inputs.deployment
    with ExitStack() as stack:
        # What is there is known only when nobody else changes it any more.
        stack.enter_context(lock_inputs(inputs, reporter, wait, dry_run))
        session = open_session(inputs)
        lifecycle = lifecycle_of(session.definition.runtime, deployment)
        with in_background(lifecycle.require_tools):
            authority = require_good_inputs(session, reporter, ignore)
            # To be told so takes no engine.
            refuse_other_runtime(deployment, session.definition.runtime)
        planned = plan(session)
        # They are asked for the sake of a few warnings, and where others run everybody, for nothing.
        facts = stack.enter_context(tried_in_background(lifecycle.facts))
        stack.enter_context(reserved(lifecycle, planned.manifest, reporter, wait, dry_run))
        hosts = stack.enter_context(reach(planned.manifest, deployment, lifecycle, reporter, dry_run))
        present = check_hosts(hosts, authority)
        moves = stack.enter_context(moving(hosts, reporter, dry_run))
        name_opened_ports(planned.manifest, reporter)
        agree_to_remove([name for one in present.values() for name in one.names], planned, remove, reporter, dry_run)
        generated = write_planned(planned, reporter, force, dry_run)
        if not dry_run:
            generated = pinned(lifecycle, planned, generated, generated.manifest.from_build, reporter, force)
        manifest, federation = generated.manifest, generated.federation
        hosts.adopt(manifest)
        lifecycle.build(federation, manifest.from_build, reporter, False, dry_run)
        lifecycle.pull(manifest, reporter, dry_run)
        if dry_run:
            show(manifest, deployment, lifecycle, reporter)
            return FederationStatus(manifest.federation)
        _warn_of_machine(facts(), federation.on(LOCAL), deployment, reporter)
        bring(hosts, moves, federation, confirm, reporter)
        status = start(hosts, moves, timeout, reporter)
        # Nobody runs with former kits any more.
        forget_old_kits(manifest, deployment)
        require_unshared_ports(manifest)
        return status


def _warn_of_machine(facts: EngineFacts | None, federation: Federation, deployment: Path, reporter: Reporter) -> None:
    from composer.usecases.doctor import Machine, up_warnings

    if facts is None or not federation.started:
        return
    for finding in up_warnings(Machine(facts, deployment, federation, frozenset(), datetime.now(timezone.utc))):
        reporter.warn(f"{finding.message} ({finding.id}); {finding.fix}")
