"""What is asked of every host before anything is brought there, stopped or replaced."""

from __future__ import annotations

from collections.abc import Mapping

from composer.hosts.connected import ConnectedHost, ConnectedHosts
from composer.hosts.parallel import failure_of
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.kinds import LOCAL
from composer.model.reporter import Reporter
from composer.runtimes.lifecycle import Present, require_same_authority


def check_hosts(hosts: ConnectedHosts, authority: str) -> Mapping[str, Present]:
    """Find out which hosts cannot do their part; from then on they count as unreachable. Nothing is changed anywhere.

    Args:
        hosts: Those that are connected.
        authority: The fingerprint of the root that the kits trust.

    Returns:
        Who is there, by host.

    Raises:
        ComposerError: This machine cannot do its part, no other host can, or participants run somewhere that trust
            another authority than the kits do: if only some hosts got the new kits, the participants could not speak
            to one another.
    """
    _require_some(hosts)
    outcomes = hosts.each(_present)
    hosts.drop(outcomes)
    present = {name: one for name, one in outcomes.items() if not isinstance(one, ComposerError)}
    _require_one_authority(hosts, present, authority)
    hosts.drop(hosts.each(_require_startable))
    _require_some(hosts)
    return present


def check_ready(hosts: ConnectedHosts, federation: Federation, reporter: Reporter) -> None:
    """Find out which hosts cannot give participants what they are to have, now that the images are there.

    Raises:
        ComposerError: This machine cannot, or no other host can.
    """

    def check(host: ConnectedHost) -> None:
        with host.entered(), host.named():
            host.lifecycle.require_ready(federation.on(host.name), host.reporter(reporter))

    hosts.drop(hosts.each(check))
    _require_some(hosts)


def _require_some(hosts: ConnectedHosts) -> None:
    if LOCAL in hosts.unreachable or (hosts.unreachable and not hosts.remote):
        raise hosts.failure()


def _present(host: ConnectedHost) -> Present:
    with host.named():
        return host.lifecycle.remember()


def _require_one_authority(hosts: ConnectedHosts, present: Mapping[str, Present], authority: str) -> None:
    failures = {}
    for name, one in present.items():
        host = hosts.connected[name]
        try:
            with host.named():
                require_same_authority(one, authority, hosts.deployment)
        except ComposerError as error:
            failures[name] = error
    if failures:
        raise failure_of(failures)


def _require_startable(host: ConnectedHost) -> None:
    with host.named():
        running = host.lifecycle.running(host.manifest)
    host.require_room(running)
