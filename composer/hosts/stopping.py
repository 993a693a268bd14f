"""The end of what runs on all hosts: what can be stopped is, and what cannot be is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from composer.deployment.manifest import Manifest
from composer.hosts.connected import ConnectedHost, connect_hosts, each_of
from composer.model.plan import HostPlan, Plan
from composer.model.reporter import Reporter
from composer.runtimes.lifecycle import Lifecycle
from composer.runtimes.transaction import remaining_named

# So long an interrupted command asks hosts who runs there still.
_LOOK_SECONDS = 5.0


def stop(
    manifest: Manifest, deployment: Path, lifecycle: Lifecycle, reporter: Reporter, purge: bool
) -> tuple[str, ...]:
    """Stop and remove what runs on all hosts, on those that were left too; with ``purge`` all that composer has made.

    Return the names of those who ran.

    Args:
        manifest: What the deployment says of itself.
        deployment: Its folder.
        lifecycle: How participants are stopped on this machine.
        reporter: Hears what is done.
        purge: Delete what was brought to the hosts, and the deployment folder.

    Raises:
        ComposerError: It could not be done on some hosts; on the others it was.
    """
    if manifest.left:
        from composer.hosts.decommission import decommission

        decommission(manifest, deployment, reporter, purge)
    reporter.step(f"Stopping {manifest.federation}")
    with connect_hosts(manifest, deployment, lifecycle) as hosts:
        known = tuple(hosts.connected.values())
        with remaining_named(lambda: _running(known), reporter):
            ran = _running(known)
            hosts.drop(hosts.each(lambda host: _stop(host, reporter, purge)))
            if hosts.unreachable:
                raise hosts.failure()
    if purge:
        from composer.deployment.purging import purge as purge_folder

        purge_folder(deployment, reporter)
    return ran


def plan_stop(manifest: Manifest, deployment: Path, lifecycle: Lifecycle, reporter: Reporter, purge: bool) -> Plan:
    """Return whom :func:`stop` would stop, host by host, and show the commands.

    Raises:
        ComposerError: No host can say.
    """

    def plan(host: ConnectedHost) -> HostPlan:
        with host.entered():
            host.lifecycle.stop(host.manifest, host.reporter(reporter), dry_run=True)
        return HostPlan(host.name, stop=host.lifecycle.running(host.manifest))

    with connect_hosts(manifest, deployment, lifecycle) as hosts:
        plans = hosts.each(plan)
        hosts.drop(plans)
        if not hosts.connected:
            raise hosts.failure()
        unreachable = {name: error.message for name, error in hosts.unreachable.items()}
    if purge:
        from composer.deployment.purging import purge as purge_folder

        purge_folder(deployment, reporter, dry_run=True)
    return Plan(
        manifest.federation, hosts=tuple(p for p in plans.values() if isinstance(p, HostPlan)), unreachable=unreachable
    )


def _stop(host: ConnectedHost, reporter: Reporter, purge: bool) -> None:
    with host.entered():
        host.lifecycle.stop(host.manifest, host.reporter(reporter), dry_run=False)
        host.end_others()
    if purge:
        host.clear(reporter)


def _running(hosts: Sequence[ConnectedHost]) -> tuple[str, ...]:
    def see(host: ConnectedHost) -> tuple[str, ...]:
        where = "" if host.alone else f" on {host.name}"
        order = {one.name: at for at, one in enumerate(host.manifest.participants)}
        running = sorted(host.lifecycle.running(host.manifest), key=lambda name: order.get(name, len(order)))
        return tuple(f"{name}{where}" for name in running)

    found = each_of(hosts, see, _LOOK_SECONDS)
    return tuple(name for names in found.values() if isinstance(names, tuple) for name in names)
