"""Who is about to be restarted, why, and which jobs lose somebody by it: said before it happens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from composer.hosts.connected import ConnectedHosts
from composer.model.plan import HostPlan
from composer.model.reporter import Reporter, some_of


def warn_of_restarts(hosts: ConnectedHosts, plans: Sequence[HostPlan], reporter: Reporter) -> None:
    """Name everybody who runs and is about to be restarted, with the reason, and the jobs that run there.

    Raises:
        ComposerError: A host cannot say which jobs run.
    """
    for plan in plans:
        host = hosts.connected.get(plan.host)
        if host is None or not plan.restart:
            continue
        for name, why in plan.restart.items():
            host.reporter(reporter).warn(f"{name} is restarted: {why}")
        with host.entered(), host.named():
            jobs = host.lifecycle.jobs(host.manifest.only(plan.restart))
        warn_of_jobs(jobs, tuple(plan.restart), reporter)


def warn_of_jobs(jobs: Iterable[str], names: Sequence[str], reporter: Reporter) -> None:
    """Name the jobs that run and lose some participants."""
    for job in sorted(set(jobs)):
        reporter.warn(f"job {job} has not ended, and loses {some_of(names)}")
