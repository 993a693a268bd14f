"""What is asked of every host before anything is brought there, stopped or replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from composer.hosts.connected import ConnectedHost, ConnectedHosts
from composer.hosts.parallel import failure_of
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.kinds import LOCAL
from composer.model.reporter import Reporter
from composer.runtimes.lifecycle import Present, require_same_authority


@dataclass(frozen=True)
class Standing:
    """Who is on a host before anything changes: ``names`` of all, by participant or by service, and who ``running``."""

    names: tuple[str, ...]
    running: frozenset[str]


def check_hosts(hosts: ConnectedHosts, authority: str) -> dict[str, Standing]:
    """Find out which hosts cannot do their part; from then on they count as unreachable. Nothing is changed anywhere.

    Args:
        hosts: Those that are connected.
        authority: The fingerprint of the root that the kits trust.

    Returns:
        Who is there, by host.

    Raises:
        ComposerError: This machine cannot do its part, no other host can, or participants run somewhere that trust
            another authority than the kits do (if only some hosts got the new kits, the participants could not speak
            to one another), or in another way than they are to from now on (nobody would know how to stop them).
    """
    require_some(hosts)
    _require_of_all(hosts, lambda host: host.refuse_other_runtime())
    outcomes = hosts.each(_present)
    hosts.drop(outcomes)
    present = {name: one for name, one in outcomes.items() if not isinstance(one, ComposerError)}
    _require_one_authority(hosts, present, authority)
    running = hosts.each(_require_startable)
    hosts.drop(running)
    require_some(hosts)
    return {
        name: Standing(present[name].names, one) for name, one in running.items() if not isinstance(one, ComposerError)
    }


def check_ready(hosts: ConnectedHosts, federation: Federation, reporter: Reporter) -> None:
    """Find out which hosts cannot give participants what they are to have, now that the images are there.

    Raises:
        ComposerError: This machine cannot, or no other host can.
    """

    def check(host: ConnectedHost) -> None:
        with host.entered(), host.named():
            host.lifecycle.require_ready(federation.on(host.name), host.reporter(reporter))

    hosts.drop(hosts.each(check))
    require_some(hosts)


def require_some(hosts: ConnectedHosts) -> None:
    """Make sure that this machine can do its part, and some other host, where there are any.

    Raises:
        ComposerError: What went wrong, on all of them.
    """
    if LOCAL in hosts.unreachable or (hosts.unreachable and not hosts.remote):
        raise hosts.failure()


def _present(host: ConnectedHost) -> Present:
    with host.named():
        return host.lifecycle.remember()


def _require_one_authority(hosts: ConnectedHosts, present: Mapping[str, Present], authority: str) -> None:
    def require(host: ConnectedHost) -> None:
        if host.name in present:
            with host.named():
                require_same_authority(present[host.name], authority, hosts.deployment)

    _require_of_all(hosts, require)


def _require_of_all(hosts: ConnectedHosts, require: Callable[[ConnectedHost], None]) -> None:
    """Raise what any host fails to meet: nothing is started on the others, either."""
    failures = {}
    for name, host in hosts.connected.items():
        try:
            require(host)
        except ComposerError as error:
            failures[name] = error
    if failures:
        raise failure_of(failures)


def _require_startable(host: ConnectedHost) -> frozenset[str]:
    with host.named():
        host.lifecycle.require_startable(host.manifest)
        running = frozenset(host.lifecycle.running(host.manifest))
    host.require_room(running)
    return running
