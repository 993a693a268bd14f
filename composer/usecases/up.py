"""From kits to a running federation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path

from composer.deployment.manifest import Manifest
from composer.model import LOCAL
from composer.model.reporter import SILENT, Reporter
from composer.model.status import FederationStatus
from composer.runtimes.listeners import name_opened_ports, require_unshared_ports
from composer.runtimes.other import refuse_other_runtime
from composer.system.process import perform
from composer.usecases.build import pinned
from composer.usecases.check import require_good_inputs
from composer.usecases.generate import forget_old_kits, write_planned
from composer.usecases.inputs import Inputs
from composer.usecases.locking import lock_inputs, locked_project
from composer.usecases.planning import agree_to_remove, plan
from composer.usecases.session import open_session

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
        NotHealthy: Somebody has not registered in time; all run and go on trying.
        ComposerError: Anything else went wrong; then what this has started is gone, and what ran before goes on.
    """
    from composer.images.building import build_stale
    from composer.images.registry import pull_stale
    from composer.runtimes import docker
    from composer.runtimes.containers import Containers
    from composer.runtimes.engine import connect
    from composer.runtimes.gpus import require_gpus
    from composer.runtimes.readiness import wait_until_federated
    from composer.runtimes.transaction import rolled_back_on_failure, take_snapshot
    from composer.system.background import in_background
    from composer.usecases.doctor import Machine, up_warnings

    deployment = inputs.deployment
    with ExitStack() as stack:
        # What is there is known only when nobody else changes it any more.
        stack.enter_context(lock_inputs(inputs, reporter, wait, dry_run))
        session = open_session(inputs)
        if session.definition.runtime == "process":
            from composer.runtimes.supervisors import supervised_services
            from composer.usecases import plain

            plain.refuse_swapped_kits(deployment, require_good_inputs(session, reporter, ignore))
            planned = plan(session)
            name_opened_ports(planned.manifest, reporter)
            agree_to_remove(supervised_services(deployment), planned, remove, reporter, dry_run)
            status = plain.up(write_planned(planned, reporter, force, dry_run), deployment, reporter, timeout, dry_run)
            return _settled(status, planned.manifest, deployment, dry_run)
        with in_background(docker.require_compose):
            authority = require_good_inputs(session, reporter, ignore)
            # To be told so takes no engine.
            refuse_other_runtime(deployment, "docker")
            engine = connect()
        facts = stack.enter_context(in_background(engine.facts))
        before = take_snapshot(engine, deployment)
        docker.refuse_swapped_kits(before.containers.values(), authority, deployment)
        planned = plan(session)
        stack.enter_context(locked_project(planned.manifest.compose_project, reporter, wait, dry_run))
        here = planned.manifest.on(LOCAL)
        running = docker.own_containers(engine, here, deployment)
        docker.require_free_ports(here, [n for n, one in running.items() if one.state == "running"])
        present = (one.participant for one in before.containers.values() if not one.one_off)
        name_opened_ports(planned.manifest, reporter)
        agree_to_remove(tuple(present), planned, remove, reporter, dry_run)
        generated = write_planned(planned, reporter, force, dry_run)
        if not dry_run:
            generated = pinned(
                engine, planned, generated, generated.manifest.from_build, reporter, force, offline=False
            )
        manifest = generated.manifest
        build_stale(engine, generated.federation, manifest.from_build.built_here, reporter, False, dry_run)
        pull_stale(engine, manifest.from_registry.on(LOCAL), deployment, reporter, dry_run)
        if dry_run:
            from composer.hosts import across

            across.show(manifest, deployment, reporter)
            return FederationStatus(manifest.federation)
        if manifest.hosts or manifest.left:
            from composer.hosts import across

            status = across.up(engine, generated.federation, manifest, reporter, timeout, confirm)
            return _settled(status, manifest, deployment, dry_run)
        require_gpus(generated.federation.started)
        for finding in up_warnings(
            Machine(facts(), deployment, generated.federation, frozenset(), datetime.now(timezone.utc))
        ):
            reporter.warn(f"{finding.message} ({finding.id}); {finding.fix}")
        with rolled_back_on_failure(engine, manifest, deployment, before, reporter):
            reporter.step(f"Starting {_count(len(manifest.started), 'participant')}")
            perform(docker.start(deployment), reporter)
            if timeout is not None:
                reporter.step("Waiting until they are registered")
            status = wait_until_federated(Containers(manifest, deployment), timeout, reporter.progress)
        return _settled(status, manifest, deployment, dry_run)


def _settled(status: FederationStatus, manifest: Manifest, deployment: Path, dry_run: bool) -> FederationStatus:
    """Nobody runs with former kits any more."""
    if not dry_run:
        forget_old_kits(manifest, deployment)
        require_unshared_ports(manifest)
    return status


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
