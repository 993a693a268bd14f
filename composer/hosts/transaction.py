"""All or nothing on every host: where a start fails, what it created goes, and what ran before goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from composer.hosts.connected import ConnectedHost, ConnectedHosts, each_of
from composer.model.errors import ComposerError, CrashLoop, NotHealthy
from composer.model.reporter import Reporter
from composer.runtimes.transaction import held_while_taken_back


@contextlib.contextmanager
def taken_back_on_failure(hosts: ConnectedHosts, reporter: Reporter) -> Iterator[None]:
    """Run the block that starts participants; if it fails or is interrupted, take back on each host what it started.

    Participants that run and are not registered yet are no failure: the other side may come later. Nor is a host that
    could not do its part: what was started there was taken back then, and the others go on.

    Args:
        hosts: Those on which it is started, whose lifecycles remember what there was before.
        reporter: Hears what is taken back, and what cannot be.
    """
    started = hosts.busy
    try:
        yield
    except (NotHealthy, CrashLoop):
        _settle(hosts)
        raise
    except BaseException:
        take_back(started, reporter)
        raise
    _settle(hosts)


def take_back(started: Sequence[ConnectedHost], reporter: Reporter) -> None:
    """Stop what was started on some hosts, and start again what ran there before, as far as each step goes."""
    if not started:
        return

    def roll_back(host: ConnectedHost) -> None:
        with host.entered():
            host.lifecycle.roll_back(host.manifest, host.reporter(reporter))

    with held_while_taken_back(reporter):
        reporter.step("Taking back what was started")
        for outcome in each_of(started, roll_back).values():
            if isinstance(outcome, ComposerError):
                reporter.warn(f"not everything could be taken back: {outcome.message}")


def _settle(hosts: ConnectedHosts) -> None:
    for host in hosts.busy:
        host.lifecycle.settle(host.manifest)
