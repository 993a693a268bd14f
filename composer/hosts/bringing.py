"""What goes to other hosts before anything is started there: images, and kits once somebody has agreed to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from composer.hosts.connected import ConnectedHosts, each_of
from composer.hosts.delivery import files_for, folders_for, private_keys, send
from composer.hosts.examine import SKEW_SECONDS
from composer.hosts.images import build_there, builders, pull_there
from composer.hosts.moves import Moves
from composer.hosts.remote import RemoteHost
from composer.hosts.transfer import Receiver, transfer
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.files import GeneratedFile
from composer.model.reporter import Reporter, some_of
from composer.runtimes.engine import connect


def warn_of_hosts(hosts: ConnectedHosts, reporter: Reporter) -> None:
    """Warn of clocks that are off, and of what somebody has changed among what was delivered."""
    for host in hosts.remote:
        behind = host.found.behind
        if abs(behind) > SKEW_SECONDS:
            word = "behind" if behind > 0 else "ahead"
            reporter.warn(
                f"{host.name}: its clock is {abs(behind):.0f} s {word}; certificates are valid by its own clock"
            )
        if host.found.tampered:
            reporter.warn(
                f"{host.name}: {some_of(host.found.tampered)} was changed there; it is replaced by what is here"
            )


def keys_leaving(hosts: ConnectedHosts) -> tuple[str, ...]:
    """Return the participants whose private keys leave this machine for the first time, each with its host's name."""
    leaving = []
    for host in hosts.remote:
        names = {one.service: one.name for one in host.manifest.participants}
        keys = private_keys(_wanted(hosts, host), host.found)
        leaving += [f"{names[path.split('/')[1]]} to {host.name}" for path in keys]
    return tuple(dict.fromkeys(leaving))


def agree_to_keys(leaving: Sequence[str], confirm: Callable[[str], bool]) -> None:
    """Make sure that somebody has agreed to the private keys that leave this machine.

    Args:
        leaving: Whose, and for which host.
        confirm: Asked.

    Raises:
        ComposerError: Nobody has.
    """
    if leaving and not confirm(f"The private keys of these leave this machine: {', '.join(leaving)}. Send them?"):
        raise ComposerError(
            f"the private keys of {', '.join(leaving)} would leave this machine, and nobody has agreed",
            "agree with --yes, or make bundles for the hosts' own admins: composer bundle -o DIR",
        )


def bring_images(hosts: ConnectedHosts, federation: Federation, reporter: Reporter) -> None:
    """Bring images to hosts that miss them, or have them built or pulled there; where it fails, the host is dropped."""
    names = builders(hosts.manifest)
    receivers = [
        Receiver(host.connection, host.engine, host.manifest.from_build)
        for host in hosts.with_engines
        if host.name not in names
    ]
    if any(receiver.manifest.participants for receiver in receivers):
        reporter.step("Bringing images to where they are missing")
        hosts.drop(transfer(connect(), receivers, reporter.output))
    building = [host for host in hosts.with_engines if host.name in names]
    hosts.drop(build_there(building, federation, reporter))
    hosts.drop(pull_there(hosts, reporter))


def deliver(hosts: ConnectedHosts, moves: Moves, reporter: Reporter) -> None:
    """Bring the kits to the hosts, and take away what is not theirs any more, but for what ``moves`` may need."""
    reporter.step("Delivering kits")

    def bring(host: RemoteHost) -> None:
        folders, kept = folders_for(hosts.manifest, host.name), moves.kept(host.name)
        count = send(host.connection, _wanted(hosts, host), folders, host.found, kept)
        host.reporter(reporter).output(f"{count} files sent")

    hosts.drop(each_of(hosts.remote, bring))
    moves.require_places(hosts.unreachable)


def install_there(hosts: ConnectedHosts, federation: Federation, reporter: Reporter) -> None:
    """Have hosts without an engine make what participants run from there; where it fails, the host is dropped."""

    def install(host: RemoteHost) -> None:
        with host.named():
            host.lifecycle.build(federation, host.manifest, host.reporter(reporter), offline=False, dry_run=False)

    hosts.drop(each_of([host for host in hosts.remote if host not in hosts.with_engines], install))


def _wanted(hosts: ConnectedHosts, host: RemoteHost) -> dict[str, GeneratedFile]:
    return files_for(hosts.deployment, hosts.manifest, host.name, host.found.user)
