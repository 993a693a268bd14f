"""From images and kits on their hosts to a running federation.

Each host is a part of its own: what fails on one is taken back there, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from composer.deployment.manifest import Manifest
from composer.hosts.connected import ConnectedHost, ConnectedHosts, connect_hosts, each_of
from composer.hosts.preflight import check_ready
from composer.hosts.transaction import take_back, taken_back_on_failure
from composer.hosts.watch import Watched
from composer.model.errors import ComposerError, CrashLoop, NotHealthy
from composer.model.federation import Federation
from composer.model.kinds import LOCAL
from composer.model.reporter import Reporter
from composer.model.status import FederationStatus
from composer.runtimes.lifecycle import Lifecycle
from composer.runtimes.readiness import wait_until_federated
from composer.runtimes.transaction import one_signal_raised, postponed_while_taken_back
from composer.system.signals import INTERRUPTS

if TYPE_CHECKING:
    from composer.hosts.moves import Moves


@contextmanager
def reach(manifest: Manifest, deployment: Path, lifecycle: Lifecycle, reporter: Reporter) -> Iterator[ConnectedHosts]:
    """Connect to the hosts that participants are to run on, for the time of the block; this machine is one of them.

    Args:
        manifest: What is to run.
        deployment: The deployment folder.
        lifecycle: How participants are started on this machine.
        reporter: Hears what is done.
    """
    others = [host.name for host in manifest.hosts]
    if others:
        reporter.step(f"Reaching {', '.join(others)}")
    with connect_hosts(manifest, deployment, lifecycle, names=[LOCAL, *others]) as hosts:
        yield hosts


@contextmanager
def moving(hosts: ConnectedHosts, reporter: Reporter) -> Iterator[Moves | None]:
    """Yield who leaves the host that they run on, or None where nobody can.

    Raises:
        ComposerError: Somebody cannot be started in the new place: all go on where they run.
    """
    if not (hosts.manifest.hosts or hosts.manifest.left):
        yield None
        return
    from composer.hosts.moves import find_leavers, moves_of

    with moves_of(hosts.manifest, hosts.deployment, reporter) as moves:
        find_leavers(moves, hosts)
        moves.require_places(hosts.unreachable)
        yield moves


def bring(
    hosts: ConnectedHosts,
    moves: Moves | None,
    federation: Federation,
    agreed: Collection[str],
    confirm: Callable[[str], bool],
    reporter: Reporter,
) -> None:
    """Bring to other hosts what is needed there, and make sure that participants can have what they are to have.

    Args:
        hosts: Those that are connected; who cannot do its part is dropped.
        moves: Who leaves the host that they run on.
        federation: What is to run.
        agreed: Whose private keys may leave this machine, and for which host.
        confirm: Asked where another one does: what came in an archive is known only now.
        reporter: Hears what is done.

    Raises:
        ComposerError: Nobody has agreed that keys leave, or this machine or all others cannot do their part.
    """
    if moves is None or not hosts.remote:
        check_ready(hosts, federation, reporter)
        return
    from composer.hosts.bringing import agree_to_keys, bring_images, deliver, install_there, keys_leaving, warn_of_hosts

    warn_of_hosts(hosts, reporter)
    agree_to_keys([one for one in keys_leaving(hosts) if one not in agreed], confirm)
    bring_images(hosts, federation, reporter)
    check_ready(hosts, federation, reporter)
    deliver(hosts, moves, reporter)
    install_there(hosts, federation, reporter)


def show(hosts: ConnectedHosts, reporter: Reporter) -> None:
    """Show the commands that would start the participants, host by host."""
    for host in hosts.busy:
        host.lifecycle.start(host.manifest, host.reporter(reporter), dry_run=True)


def start(
    hosts: ConnectedHosts,
    moves: Moves | None,
    timeout: float | None,
    reporter: Reporter,
    number: int | None = None,
) -> FederationStatus:
    """Start all but the admins, and wait until they are registered.

    Args:
        hosts: Those that are connected, on which all is ready.
        moves: Who leaves the host that they run on; None: nobody can.
        timeout: Seconds to wait for the registrations; None: start, and do not wait.
        reporter: Hears what is done and how far the participants are.
        number: How many of them do not run already; None: it is not known.

    Raises:
        NotHealthy: Somebody has not registered in time, or has been shut down or removed; the others go on trying.
        ComposerError: Anything else went wrong. What was started on a host where it did is gone, and what ran there
            before goes on; where all was interrupted, that is so on every host.
    """
    leaving = moves.carried_out(hosts) if moves else nullcontext()
    with one_signal_raised(reporter), leaving, taken_back_on_failure(hosts, reporter):
        _start_all(hosts, moves is None, number, reporter)
        status = _wait(hosts, timeout, reporter) if _has_server(hosts) else None
    if status is None or hosts.unreachable:
        raise hosts.failure()
    return status


def _start_all(hosts: ConnectedHosts, remove_orphans: bool, number: int | None, reporter: Reporter) -> None:
    busy = hosts.busy
    number = sum(len(host.manifest.started) for host in busy) if number is None else number
    where = "" if all(host.alone for host in busy) else f" on {len(busy)} host{'' if len(busy) == 1 else 's'}"
    if number:
        reporter.step(f"Starting {number} participant{'' if number == 1 else 's'}{where}")

    def run(host: ConnectedHost) -> None:
        with host.entered(), host.named():
            try:
                # Whoever leaves is stopped by now, and kept until all has gone well.
                host.lifecycle.start(host.manifest, host.reporter(reporter), remove_orphans=remove_orphans)
            except ComposerError as error:
                raise host.lifecycle.explain(error, host.manifest) from error

    outcomes = each_of(busy, run)
    _give_up({name: one for name, one in outcomes.items() if isinstance(one, ComposerError)}, hosts, reporter)


def _give_up(failed: Mapping[str, ComposerError], hosts: ConnectedHosts, reporter: Reporter) -> None:
    """Take back what was started on hosts where it failed; on the others it goes on, unless a signal comes meanwhile.

    Raises:
        Signalled: One has come.
    """
    given_up = [host for host in hosts.busy if host.name in failed]
    hosts.drop(failed)
    if not hosts.busy:
        take_back(given_up, reporter)
        return
    try:
        take_back(given_up, reporter, postponed_while_taken_back)
    except INTERRUPTS:
        # It is the signal that ends the command: what would be told at its end is told here.
        for error in failed.values():
            reporter.warn(error.message)
        raise


def _has_server(hosts: ConnectedHosts) -> bool:
    """Tell whether there is anything to wait for: without the server that is among them, nobody registers."""
    server = next((one.host for one in hosts.manifest.started if one.type == "server"), None)
    return bool(hosts.connected) and server not in hosts.unreachable


def _wait(hosts: ConnectedHosts, timeout: float | None, reporter: Reporter) -> FederationStatus:
    if timeout is not None and hosts.busy:
        reporter.step("Waiting until they are registered")
    try:
        return wait_until_federated(Watched(hosts), timeout, reporter.progress)
    except (CrashLoop, NotHealthy) as error:
        error.message = "\n".join([error.message, *(failure.message for failure in hosts.unreachable.values())])
        if isinstance(error, CrashLoop):
            looping = {hosts.manifest.participant(name).host for name in error.names}
            _give_up(dict.fromkeys(looping, error), hosts, reporter)
        raise
