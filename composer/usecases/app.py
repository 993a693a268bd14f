"""The use cases of composer. Each is a function that the command line calls once, and that Python code may call.

All of them talk through a :class:`Talk` and raise :class:`composer.model.errors.ComposerError`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from composer.model import LOCAL, Owner
from composer.model.errors import ComposerError
from composer.model.status import FederationStatus
from composer.model.talk import Talk
from composer.runtimes.listeners import name_opened_ports, require_unshared_ports, with_shared_ports
from composer.runtimes.other import refuse_other_runtime
from composer.system.process import perform, stream
from composer.usecases.console import admin
from composer.usecases.inputs import Inputs, chosen_runtime, deployed, known_inputs, resolved
from composer.usecases.preparing import (
    Generated,
    Planned,
    agree_to_remove,
    alone_with,
    check,
    diff,
    forget_old_kits,
    generate,
    lock_inputs,
    pin_planned,
    plan,
    require_good_inputs,
    taking_turns,
    write_planned,
)

if TYPE_CHECKING:
    from composer.deployment.manifest import Manifest
    from composer.runtimes.engine import Engine

__all__ = [
    "DEFAULT_TIMEOUT",
    "Generated",
    "Inputs",
    "Talk",
    "admin",
    "build",
    "check",
    "deployed",
    "diff",
    "down",
    "generate",
    "hosts",
    "known_inputs",
    "logs",
    "now",
    "provision",
    "status",
    "up",
]

DEFAULT_TIMEOUT = 120.0


def build(
    inputs: Inputs,
    talk: Talk,
    force: bool = False,
    dry_run: bool = False,
    offline: bool = False,
    wait: bool = False,
    ignore: Sequence[str] = (),
) -> tuple[str, ...]:
    """Generate, then build the images that are missing or stale; return their participants' names.

    Args:
        inputs: Kits, definition, deployment folder.
        talk: Hears what is done.
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
    from composer.system.meanwhile import meanwhile

    with lock_inputs(inputs, talk, wait, dry_run):
        if chosen_runtime(inputs) == "process":
            from composer.usecases import plain

            require_good_inputs(inputs, talk, ignore)
            generated = write_planned(plan(inputs, {}), talk, force, dry_run)
            return plain.build(generated, inputs.deployment, talk, dry_run)
        with meanwhile(docker.require_compose):
            require_good_inputs(inputs, talk, ignore)
            refuse_other_runtime(inputs.deployment, "docker")
            engine = connect()
        planned = plan(inputs, {})
        generated = write_planned(planned, talk, force, dry_run)
        if not dry_run:
            generated = _pinned(engine, planned, generated, generated.manifest, talk, force, offline)
        manifest = generated.manifest
        built = build_stale(engine, generated.federation, manifest.built_here, talk, offline, dry_run)
        if dry_run or not manifest.hosts:
            return built
        from composer.hosts import across

        return (*built, *across.build(manifest, generated.federation, talk, offline))


def up(
    inputs: Inputs,
    talk: Talk,
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
        talk: Hears what is done and how far the participants are.
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
    from composer.runtimes.transaction import look, undone_on_failure
    from composer.system.meanwhile import meanwhile
    from composer.usecases.doctor import Machine, up_warnings

    deployment = inputs.deployment
    with ExitStack() as stack:
        # What is there is known only when nobody else changes it any more.
        stack.enter_context(lock_inputs(inputs, talk, wait, dry_run))
        if chosen_runtime(inputs) == "process":
            from composer.runtimes.supervisors import supervised_services
            from composer.usecases import plain

            plain.refuse_swapped_kits(deployment, require_good_inputs(inputs, talk, ignore))
            planned = plan(inputs, {})
            name_opened_ports(planned.manifest, talk)
            agree_to_remove(supervised_services(deployment), planned, remove, talk, dry_run)
            status = plain.up(write_planned(planned, talk, force, dry_run), deployment, talk, timeout, dry_run)
            return _settled(status, planned.manifest, deployment, dry_run)
        with meanwhile(docker.require_compose):
            authority = require_good_inputs(inputs, talk, ignore)
            # To be told so takes no engine.
            refuse_other_runtime(deployment, "docker")
            engine = connect()
        facts = stack.enter_context(meanwhile(engine.facts))
        before = look(engine, deployment)
        docker.refuse_swapped_kits(before.containers.values(), authority, deployment)
        planned = plan(inputs, {})
        stack.enter_context(alone_with(planned.manifest.compose_project, talk, wait, dry_run))
        here = planned.manifest.on(LOCAL)
        running = docker.own_containers(engine, here, deployment)
        docker.require_free_ports(here, [n for n, one in running.items() if one.state == "running"])
        present = (one.participant for one in before.containers.values() if not one.one_off)
        name_opened_ports(planned.manifest, talk)
        agree_to_remove(tuple(present), planned, remove, talk, dry_run)
        generated = write_planned(planned, talk, force, dry_run)
        if not dry_run:
            generated = _pinned(engine, planned, generated, generated.manifest.from_build, talk, force, offline=False)
        manifest = generated.manifest
        build_stale(engine, generated.federation, manifest.from_build.built_here, talk, False, dry_run)
        pull_stale(engine, manifest.from_registry.on(LOCAL), deployment, talk, dry_run)
        if dry_run:
            from composer.hosts import across

            across.show(manifest, deployment, talk)
            return FederationStatus(manifest.federation)
        if manifest.hosts or manifest.left:
            from composer.hosts import across

            status = across.up(engine, generated.federation, manifest, talk, timeout, confirm)
            return _settled(status, manifest, deployment, dry_run)
        require_gpus(generated.federation.started)
        for finding in up_warnings(Machine(facts(), deployment, generated.federation, frozenset(), now())):
            talk.warn(f"{finding.message} ({finding.id}); {finding.fix}")
        with undone_on_failure(engine, manifest, deployment, before, talk):
            talk.step(f"Starting {_count(len(manifest.started), 'participant')}")
            perform(docker.start(deployment), talk)
            if timeout is not None:
                talk.step("Waiting until they are registered")
            status = wait_until_federated(Containers(manifest, deployment), timeout, talk.progress)
        return _settled(status, manifest, deployment, dry_run)


def _settled(status: FederationStatus, manifest: Manifest, deployment: Path, dry_run: bool) -> FederationStatus:
    """Nobody runs with former kits any more."""
    if not dry_run:
        forget_old_kits(manifest, deployment)
        require_unshared_ports(manifest)
    return status


def status(deployment: Path) -> FederationStatus:
    """Return how every participant of a deployment is seen to run.

    Raises:
        ComposerError: There is no deployment there, or no engine answers.
    """
    from composer.runtimes import runtime_of

    manifest = deployed(deployment)
    if manifest.hosts:
        from composer.hosts import watch

        seen = watch.status(manifest, deployment)
    else:
        seen = runtime_of(manifest, deployment).examine(now())
    seen = with_shared_ports(seen, manifest)
    return replace(seen, participants=tuple(one.told_of_its_end() for one in seen.participants))


def logs(
    deployment: Path,
    names: Sequence[str],
    line: Callable[[str], None],
    follow: bool = False,
    lines: int | None = None,
    since: str | None = None,
    colour: bool = False,
) -> None:
    """Read participants' logs, each line with its participant's name and without NVFLARE's bearer tokens.

    Args:
        deployment: The deployment folder.
        names: Whose; empty: everybody's.
        line: Gets each line.
        follow: Go on with what comes.
        lines: Only so many of the last lines of each.
        since: Only from this time on: RFC 3339, or how long ago (``10m``).
        colour: Keep colours.

    Raises:
        ComposerError: There is no deployment there, or no such participant.
    """
    from composer.runtimes import runtime_of, services
    from composer.system.redact import clean_log_line

    manifest = deployed(deployment)
    if manifest.hosts:
        from composer.hosts import across

        across.logs(manifest, deployment, names, line, follow, lines, since, colour)
        return
    runtime = runtime_of(manifest, deployment)
    command = runtime.logs(services(manifest, names), follow, lines, since, colour)
    stream(command, lambda text: line(runtime.by_participant(clean_log_line(text, colour))))


def down(
    deployment: Path,
    talk: Talk,
    purge: bool = False,
    confirm: Callable[[str], bool] = lambda _: False,
    dry_run: bool = False,
    wait: bool = False,
) -> None:
    """Stop and remove this deployment's containers; kits, workspaces and the job store stay.

    Args:
        deployment: The deployment folder.
        talk: Hears what is done.
        purge: Delete the deployment folder too, with the workspaces and the job store, after ``confirm``.
        confirm: Asked before anything is deleted.
        dry_run: Only show the commands.
        wait: As for :func:`generate`.

    Raises:
        ComposerError: There is no deployment there, its Compose project is somebody else's, or another composer
            is at work on it.
    """
    from composer.deployment import place, purging
    from composer.hosts import across
    from composer.runtimes import docker
    from composer.runtimes.engine import connect
    from composer.usecases import plain

    if not (deployment / ".lock").exists() and not place.is_unfinished(deployment):
        # Nobody makes one there, and no folder must be made to say so.
        deployed(deployment)
    with ExitStack() as stack:
        # What runs can be stopped where nothing can be written, such as on a disk that has failed.
        stack.enter_context(taking_turns(deployment, talk, wait, dry_run, needed=purge))
        if purge and place.is_unfinished(deployment) and confirm(f"Delete {deployment}?"):
            purging.purge(deployment, talk, dry_run)
            return
        manifest = deployed(deployment)
        if purge and not confirm(f"Delete {deployment} with all workspaces and the job store?"):
            raise ComposerError("nothing was stopped or deleted", "leave out --purge to keep workspaces and jobs")
        if manifest.runtime == "process" and not manifest.hosts:
            manifest = _left(manifest, deployment, talk, purge, dry_run)
            plain.down(manifest, deployment, talk, purge, dry_run)
            return
        stack.enter_context(alone_with(manifest.compose_project, talk, wait, dry_run))
        manifest = _left(manifest, deployment, talk, purge, dry_run)
        if manifest.hosts:
            across.down(manifest, deployment, talk, purge, dry_run)
            return
        plain.end_strangers(deployment, talk, dry_run)
        engine = connect()
        containers = docker.own_containers(engine, manifest, deployment)
        for job in docker.running_jobs(engine, manifest, containers):
            talk.warn(f"job {job} has not ended, and ends now without a result")
        commands = [docker.stop(deployment), *docker.stop_former(engine, manifest, deployment)]
        talk.step(f"Stopping {manifest.federation}")
        for command in commands:
            perform(command, talk, dry_run)
        if purge:
            purging.purge(deployment, talk, dry_run)


def _left(manifest: Manifest, deployment: Path, talk: Talk, purge: bool, dry_run: bool) -> Manifest:
    from composer.hosts.leaving import leave

    return manifest if dry_run or not manifest.left else leave(manifest, deployment, talk, purge)


def hosts(inputs: Inputs) -> str:
    """Return the /etc/hosts lines of the federation, those of each host where there are several.

    Raises:
        ComposerError: The kits or the definition do not allow it.
    """
    from composer.render.hosts import render_all_hosts

    with resolved(known_inputs(inputs), Owner(os.geteuid(), os.getegid()), {}) as federation:
        return render_all_hosts(federation)


def provision(project: Path, workspace: Path, talk: Talk) -> Path:
    """Run NVFLARE's own provisioner and return the ``prod_NN`` folder that it made.

    Args:
        project: project.yml.
        workspace: NVFLARE's workspace folder; made where it is missing.
        talk: Hears what is done.

    Raises:
        ComposerError: NVFLARE is not installed beside composer, or its provisioner fails.
    """
    from composer.usecases.provisioner import provision as run_provisioner

    talk.step(f"Provisioning {project}")
    return run_provisioner(project, workspace, talk.output)


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(timezone.utc)


def _pinned(
    engine: Engine, planned: Planned, generated: Generated, built: Manifest, talk: Talk, force: bool, offline: bool
) -> Generated:
    """Where images among ``built`` that must be built are not pinned to hashes yet, pin them and generate again."""
    from composer.images.building import find_locks, waiting_services

    waiting = waiting_services(engine, built, generated.federation.deployment)
    found = {} if offline else find_locks(generated.federation, waiting, talk)
    return pin_planned(planned, found, force) if found else generated


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
