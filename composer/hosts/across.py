"""The use cases of a deployment that runs on several hosts: all at once, and what cannot be done is named.

`up`, `down` and `build` call them where a deployment has hosts. Each host is a part of its own: what fails on
one is taken back there, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from composer.deployment.manifest import Manifest
from composer.deployment.purging import purge as purge_folder
from composer.hosts import delivery
from composer.hosts.examine import SKEW_SECONDS
from composer.hosts.images import build_there, builders, pull_there
from composer.hosts.moves import Moves, find_leavers, moves_of
from composer.hosts.parallel import HostsFailed, on_each
from composer.hosts.places import Place, Places, places
from composer.hosts.preflight import check_hosts, check_ready, require_some
from composer.hosts.reporter import HostReporter
from composer.hosts.transfer import Receiver, transfer
from composer.hosts.watch import Watched
from composer.model.errors import ComposerError, CrashLoop, NotHealthy
from composer.model.federation import Federation
from composer.model.reporter import some_of
from composer.model.status import FederationStatus
from composer.render.far import host_folder
from composer.runtimes import docker
from composer.runtimes.engine import connect
from composer.runtimes.readiness import wait_until_federated
from composer.runtimes.transaction import (
    held_while_taken_back,
    one_signal_raised,
    remaining_named,
    rolled_back_on_failure,
)
from composer.system.process import perform
from composer.system.signals import INTERRUPTS

if TYPE_CHECKING:
    from composer.model.files import GeneratedFile
    from composer.model.reporter import Reporter
    from composer.runtimes.engine import Engine


# So long an interrupted command asks hosts who runs there still.
_LOOK_SECONDS = 5.0


def up(
    federation: Federation,
    manifest: Manifest,
    reporter: Reporter,
    timeout: float | None,
    confirm: Callable[[str], bool],
) -> FederationStatus:
    """Bring kits and images to the hosts, start all participants, and wait until they are registered.

    Args:
        federation: What is to run.
        manifest: What was generated of it.
        reporter: Hears what is done.
        timeout: Seconds to wait for the registrations; None: start, and do not wait.
        confirm: Asked before a private key leaves this machine for the first time.

    Raises:
        HostsFailed: Some hosts could not do their part; the others run.
        NotHealthy: Somebody has not registered in time; all run and go on trying.
        ComposerError: Nobody has agreed that keys leave this machine, or no host can be reached.
    """
    deployment, engine = federation.deployment, connect()
    if manifest.hosts:
        reporter.step(f"Reaching {', '.join(host.name for host in manifest.hosts)}")
    with places(manifest, deployment) as opened, moves_of(manifest, deployment, reporter) as moves:
        require_some(opened)
        _warn_of_clocks(opened, reporter)
        check_hosts(opened, federation.participants[0].kit.root_fingerprint, deployment)
        find_leavers(moves, engine, opened)
        moves.require_places(opened.away)
        wanted = _agreed(opened, manifest, deployment, reporter, confirm)
        _bring_images(engine, opened, federation, manifest, reporter)
        check_ready(opened, federation, reporter)
        _deliver(opened, manifest, wanted, moves, reporter)
        moves.require_places(opened.away)
        with one_signal_raised(reporter), moves.carried_out(opened), _taken_back_on_interrupt(opened, reporter):
            _start_all(opened, reporter)
            servers_host = next((one.host for one in manifest.started if one.type == "server"), None)
            if servers_host in opened.away or not opened.reached:
                raise HostsFailed(opened.away)
            if timeout is not None:
                reporter.step("Waiting until they are registered")
            try:
                status = wait_until_federated(Watched(opened, manifest, deployment), timeout, reporter.progress)
            except CrashLoop as error:
                moves.failed |= _take_back_looping(opened, reporter)
                error.hint = "read more on its host, in the log.txt of its workspace"
                raise _with(error, opened.away) from error
            except NotHealthy as error:
                raise _with(error, opened.away) from error
        if opened.away:
            raise HostsFailed(opened.away)
        return status


def build(manifest: Manifest, federation: Federation, reporter: Reporter, offline: bool) -> tuple[str, ...]:
    """Have the hosts that build images themselves build those that are missing or stale; return their participants.

    Args:
        manifest: What was generated.
        federation: What is to run.
        reporter: Hears what is done.
        offline: Fetch nothing from anywhere.

    Raises:
        HostsFailed: It could not be done on some hosts; on the others it was.
    """
    names = builders(manifest)
    if not names:
        return ()
    reporter.step(f"Reaching {', '.join(names)}")
    with places(manifest, federation.deployment, names=names) as opened:
        outcomes = build_there(opened.far, federation, reporter, offline)
        opened.drop(outcomes)
        if opened.away:
            raise HostsFailed(opened.away)
    return tuple(name for built in outcomes.values() if isinstance(built, tuple) for name in built)


def show(manifest: Manifest, deployment: Path, reporter: Reporter) -> None:
    """Show the commands that start the parts of a deployment that run on other hosts."""
    for host in manifest.hosts:
        folder = host_folder(deployment, host.name)
        perform(docker.start(folder), HostReporter(host.name, host.endpoint, reporter), dry_run=True)


def down(manifest: Manifest, deployment: Path, reporter: Reporter, purge: bool, dry_run: bool) -> None:
    """Stop and remove the containers on all hosts; with ``purge`` all that was brought there, too.

    Raises:
        HostsFailed: It could not be done on some hosts; on the others it was.
    """
    reporter.step(f"Stopping {manifest.federation}")
    with places(manifest, deployment) as opened, remaining_named(lambda: _running(opened), reporter):
        opened.drop(on_each(tuple(opened.reached), lambda name: _stop(opened.reached[name], reporter, purge, dry_run)))
        if opened.away:
            raise HostsFailed(opened.away)
    if purge:
        purge_folder(deployment, reporter, dry_run)


def _warn_of_clocks(opened: Places, reporter: Reporter) -> None:
    for place in opened.far:
        behind = place.found.behind if place.found else 0.0
        if abs(behind) > SKEW_SECONDS:
            word = "behind" if behind > 0 else "ahead"
            reporter.warn(
                f"{place.name}: its clock is {abs(behind):.0f} s {word}; certificates are valid by its own clock"
            )


def _agreed(
    opened: Places, manifest: Manifest, deployment: Path, reporter: Reporter, confirm: Callable[[str], bool]
) -> dict[str, dict[str, GeneratedFile]]:
    """Return what is to lie on each host, after somebody has agreed to the keys that leave this machine."""
    wanted, leaving = {}, []
    for place in opened.far:
        assert place.found is not None
        wanted[place.name] = delivery.files_for(deployment, manifest, place.name, place.found.user)
        if place.found.tampered:
            reporter.warn(
                f"{place.name}: {some_of(place.found.tampered)} was changed there; it is replaced by what is here"
            )
        keys = delivery.private_keys(wanted[place.name], place.found)
        owners = dict.fromkeys(path.split("/")[1] for path in keys)
        leaving += [f"{service} to {place.name}" for service in owners]
    if leaving and not confirm(f"The private keys of these leave this machine: {', '.join(leaving)}. Send them?"):
        raise ComposerError(
            f"the private keys of {', '.join(leaving)} would leave this machine, and nobody has agreed",
            "agree with --yes, or make bundles for the hosts' own admins: composer bundle -o DIR",
        )
    return wanted


def _deliver(
    opened: Places,
    manifest: Manifest,
    wanted: Mapping[str, Mapping[str, GeneratedFile]],
    moves: Moves,
    reporter: Reporter,
) -> None:
    reporter.step("Delivering kits")

    def send(name: str) -> int:
        place = opened.reached[name]
        assert place.connection is not None
        assert place.found is not None
        folders = delivery.folders_for(manifest, name)
        count = delivery.send(place.connection, wanted[name], folders, place.found, moves.kept(name))
        HostReporter(name, "", reporter).output(f"{count} files sent")
        return count

    opened.drop(on_each([name for name in wanted if name in opened.reached], send))


def _bring_images(
    engine: Engine, opened: Places, federation: Federation, manifest: Manifest, reporter: Reporter
) -> None:
    names = builders(manifest)
    receivers = [
        Receiver(place.connection, place.engine, place.manifest.from_build)
        for place in opened.far
        if place.connection is not None and place.name not in names
    ]
    if any(receiver.manifest.participants for receiver in receivers):
        reporter.step("Bringing images to where they are missing")
        opened.drop(transfer(engine, receivers, reporter.output))
    building = [place for place in opened.far if place.name in names]
    opened.drop(build_there(building, federation, reporter))
    pulling = [place for place in opened.far if place.manifest.from_registry.participants]
    opened.drop(pull_there(pulling, federation.deployment, reporter))


def _start_all(opened: Places, reporter: Reporter) -> None:
    busy = [place for place in opened.reached.values() if place.manifest.started]
    reporter.step(f"Starting {sum(len(place.manifest.started) for place in busy)} participants on {len(busy)} hosts")
    opened.drop(on_each([place.name for place in busy], lambda name: _start(opened.reached[name], reporter)))


def _start(place: Place, reporter: Reporter) -> None:
    told = place.told(reporter)
    with place.entered(), place.named(), rolled_back_on_failure(place.lifecycle, place.manifest, told):
        # Whoever leaves is stopped by now, and kept until all has gone well.
        place.lifecycle.start(place.manifest, told, remove_orphans=False)


@contextmanager
def _taken_back_on_interrupt(opened: Places, reporter: Reporter) -> Iterator[None]:
    opened.drop(on_each(tuple(opened.reached), lambda name: opened.reached[name].lifecycle.remember()))
    known = dict(opened.reached)

    def take_back(name: str) -> None:
        place = known[name]
        with place.entered():
            place.lifecycle.roll_back(place.manifest, HostReporter(name, "", reporter))

    try:
        yield
    except INTERRUPTS:
        with held_while_taken_back(reporter):
            reporter.step("Taking back what was started")
            for outcome in on_each(tuple(known), take_back).values():
                if isinstance(outcome, ComposerError):
                    reporter.warn(f"not everything could be taken back: {outcome.message}")
        raise


def _take_back_looping(opened: Places, reporter: Reporter) -> set[str]:
    """Stop the part of each host on which somebody crashes again and again, and return these hosts."""
    stopped = set()
    for place in opened.reached.values():
        seen = place.runtime.view(datetime.now(timezone.utc)).participants
        if any(one.restarts >= docker.CRASH_LOOP for one in seen):
            _stop(place, reporter, purge=False, dry_run=False)
            stopped.add(place.name)
    return stopped


def _with(error: ComposerError, away: Mapping[str, ComposerError]) -> ComposerError:
    for failure in away.values():
        error.message += f"\n{failure.message}"
    return error


def _stop(place: Place, reporter: Reporter, purge: bool, dry_run: bool) -> None:
    told = place.told(reporter)
    with place.entered():
        place.lifecycle.stop(place.manifest, told, dry_run)
    if purge and not dry_run and place.connection is not None:
        _remove_images(place)
        delivery.remove(place.connection, told.warn)


def _running(opened: Places) -> tuple[str, ...]:
    def see(name: str) -> tuple[str, ...]:
        place = opened.reached[name]
        return place.lifecycle.running(place.manifest)

    found = on_each(tuple(opened.reached), see, _LOOK_SECONDS)
    return tuple(f"{one} on {host}" for host, names in found.items() if isinstance(names, tuple) for one in names)


def _remove_images(place: Place) -> None:
    """Remove the images of this federation there, those of earlier versions and under a registry's name, too."""
    for tag in place.engine.built_images():
        if PurePosixPath(tag).parent.name == place.manifest.compose_project:
            place.engine.remove_image(tag)
    place.engine.remove_untagged()
