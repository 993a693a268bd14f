"""All or nothing on every host: where a start fails, what it created goes, and what ran before goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from composer.hosts.connected import ConnectedHost, ConnectedHosts, each_of
from composer.model.errors import CrashLoop, NotHealthy
from composer.model.reporter import Reporter
from composer.runtimes.transaction import attempt, held_while_taken_back


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
        _settle(hosts, reporter)
        raise
    except BaseException:
        take_back(started, reporter)
        raise
    _settle(hosts, reporter)


def take_back(
    started: Sequence[ConnectedHost],
    reporter: Reporter,
    undisturbed: Callable[[Reporter], contextlib.AbstractContextManager[None]] = held_while_taken_back,
) -> None:
    """Stop what was started on some hosts, and start again what ran there before, as far as each step goes.

    Args:
        started: The hosts.
        reporter: Hears what is taken back, and what cannot be.
        undisturbed: Keeps signals from what is done meanwhile.
    """
    if not started:
        return

    def roll_back(host: ConnectedHost) -> None:
        said = host.reporter(reporter)
        with host.entered():
            attempt(said, partial(host.lifecycle.roll_back, host.manifest, said))

    with undisturbed(reporter):
        reporter.step("Taking back what was started")
        each_of(started, roll_back)


def _settle(hosts: ConnectedHosts, reporter: Reporter) -> None:
    """What this cannot do is of no harm to those that run, and the next start does it."""
    for host in hosts.busy:
        settle = partial(host.lifecycle.settle, host.manifest)
        attempt(host.reporter(reporter), settle, "not everything of the start could be put in order: {}")
