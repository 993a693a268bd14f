"""Single participants, wherever they run, are started and stopped; all others go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.hosts.connected import ConnectedHost, ConnectedHosts, connect_hosts
from composer.hosts.parallel import failure_of
from composer.hosts.restarts import warn_of_jobs
from composer.hosts.transaction import taken_back_on_failure
from composer.hosts.watch import Watched
from composer.model.errors import ComposerError
from composer.model.reporter import Reporter, some_of
from composer.model.status import FederationStatus
from composer.runtimes.lifecycle import Lifecycle
from composer.runtimes.readiness import wait_until_federated
from composer.runtimes.transaction import one_signal_raised
from composer.system.process import attach, command_line

T = TypeVar("T")


def stop_participants(
    manifest: Manifest, deployment: Path, lifecycle: Lifecycle, reporter: Reporter
) -> tuple[str, ...]:
    """Stop participants, and return the names of those who ran.

    Args:
        manifest: What the deployment says of those alone.
        deployment: Its folder.
        lifecycle: How participants are stopped on this machine.
        reporter: Hears what is done.

    Raises:
        ComposerError: It could not be done on some hosts; on the others it was.
    """
    with connect_hosts(manifest, deployment, lifecycle) as hosts:
        _require_all(hosts)
        ran = _running(hosts)
        _warn_of_jobs(hosts, reporter)
        reporter.step(f"Stopping {some_of([one.name for one in manifest.participants])}")
        _on_each(hosts, lambda host: _stop(host, reporter, remain=False))
    return ran


def start_participants(
    manifest: Manifest,
    deployment: Path,
    lifecycle: Lifecycle,
    timeout: float | None,
    again: bool,
    reporter: Reporter,
) -> FederationStatus:
    """Start participants and wait until they are registered; if they cannot be started, all is as it was.

    Args:
        manifest: What the deployment says of those alone.
        deployment: Its folder.
        lifecycle: How participants are started on this machine.
        timeout: Seconds to wait; None: start, and do not wait.
        again: Stop them first.
        reporter: Hears what is done.

    Raises:
        NotHealthy: Somebody has not registered in time; they go on trying.
        ComposerError: They cannot be started.
    """
    names = some_of([one.name for one in manifest.participants])
    with connect_hosts(manifest, deployment, lifecycle) as hosts:
        _require_all(hosts)
        _on_each(hosts, lambda host: host.lifecycle.remember())
        before = _running(hosts)
        _on_each(hosts, lambda host: host.lifecycle.require_startable(host.manifest))
        if again:
            _warn_of_jobs(hosts, reporter)
        elif set(before) == {one.name for one in manifest.participants}:
            return replace(wait_until_federated(Watched(hosts), None, reporter.progress), changed=False)
        with one_signal_raised(reporter), taken_back_on_failure(hosts, reporter):
            reporter.step(f"{'Restarting' if again else 'Starting'} {names}")
            if again:
                _on_each(hosts, lambda host: _stop(host, reporter, remain=True))
            _on_each(hosts, lambda host: _start(host, reporter))
            if timeout is not None:
                reporter.step("Waiting until they are registered")
            return wait_until_federated(Watched(hosts), timeout, reporter.progress)


def run_inside(
    manifest: Manifest,
    deployment: Path,
    participant: DeployedParticipant,
    argv: Sequence[str],
    terminal: bool,
    reporter: Reporter,
) -> int:
    """Run a program where a participant runs, and return its exit status.

    Args:
        manifest: What the deployment says of that participant alone.
        deployment: Its folder.
        participant: Where.
        argv: The program and its arguments.
        terminal: Whether composer has a terminal to hand on.
        reporter: Hears the command.

    Raises:
        ComposerError: It does not run, or its host is away.
    """
    with connect_hosts(manifest, deployment) as hosts:
        _require_all(hosts)
        (host,) = hosts.connected.values()
        with host.entered(), host.named():
            if participant.name not in host.lifecycle.running(host.manifest):
                raise ComposerError(
                    f"{participant.name} does not run", f"start it first: composer start {participant.name}"
                )
            command = host.runtime.inside(participant.service, argv, terminal)
            host.reporter(reporter).command(command_line(command))
            return attach(command)


def _require_all(hosts: ConnectedHosts) -> None:
    if hosts.unreachable:
        raise hosts.failure()


def _on_each(hosts: ConnectedHosts, work: Callable[[ConnectedHost], T]) -> dict[str, T]:
    """Do something on each host; where it fails on one, say so when all others have done it."""

    def do(host: ConnectedHost) -> T:
        with host.entered(), host.named():
            return work(host)

    outcomes = hosts.each(do)
    failures = {name: one for name, one in outcomes.items() if isinstance(one, ComposerError)}
    if failures:
        raise failure_of(failures)
    return {name: one for name, one in outcomes.items() if not isinstance(one, ComposerError)}


def _running(hosts: ConnectedHosts) -> tuple[str, ...]:
    chosen = [one.name for one in hosts.manifest.participants]
    there = _on_each(hosts, lambda host: host.lifecycle.running(host.manifest))
    return tuple(name for names in there.values() for name in names if name in chosen)


def _warn_of_jobs(hosts: ConnectedHosts, reporter: Reporter) -> None:
    there = _on_each(hosts, lambda host: host.lifecycle.jobs(host.manifest))
    names = [one.name for one in hosts.manifest.participants]
    warn_of_jobs([job for jobs in there.values() for job in jobs], names, reporter)


def _stop(host: ConnectedHost, reporter: Reporter, remain: bool) -> None:
    host.lifecycle.stop_only(host.manifest, host.reporter(reporter), remain)


def _start(host: ConnectedHost, reporter: Reporter) -> None:
    try:
        host.lifecycle.start_only(host.manifest, host.reporter(reporter))
    except ComposerError as error:
        raise host.lifecycle.explain(error, host.manifest) from error
