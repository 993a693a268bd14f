"""Single participants: started, stopped, started again, and looked into from inside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from composer.deployment.history import Deeds, recorded
from composer.deployment.manifest import Manifest
from composer.hosts.participants import run_inside, start_participants, stop_participants
from composer.model.errors import ComposerError
from composer.model.reporter import SILENT, Reporter
from composer.model.status import FederationStatus
from composer.runtimes import services
from composer.runtimes.lifecycle import Lifecycle, lifecycle_of
from composer.usecases.inputs import deployed
from composer.usecases.locking import locked_deployment, reserved


def start(
    deployment: Path,
    names: Sequence[str] = (),
    reporter: Reporter = SILENT,
    timeout: float | None = 120.0,
    wait: bool = False,
) -> FederationStatus:
    """Start participants from what the deployment folder holds, and wait until they are registered; the rest goes on.

    Args:
        deployment: The deployment folder.
        names: Whom; empty: all but the admins.
        reporter: Hears what is done.
        timeout: Seconds to wait; None: start, and do not wait.
        wait: Wait for another composer that is at work on the folder.

    Returns:
        Their status; ``changed`` is false where all of them ran already.

    Raises:
        NotHealthy: Somebody has not registered in time; they go on trying.
        ComposerError: There is no such participant, or somebody cannot be started; then all is as it was.
    """
    with _recorded(deployment, names, reporter, wait, "start") as (manifest, lifecycle, deeds):
        deeds.started = [one.name for one in manifest.participants]
        status = start_participants(manifest, deployment, lifecycle, timeout, False, reporter)
        if not status.changed:
            deeds.started = ()
        return status


def restart(
    deployment: Path,
    names: Sequence[str] = (),
    reporter: Reporter = SILENT,
    timeout: float | None = 120.0,
    wait: bool = False,
) -> FederationStatus:
    """Stop participants and start them again, as :func:`start` does; jobs that run are warned of.

    Args:
        deployment: The deployment folder.
        names: As for :func:`start`.
        reporter: As for :func:`start`.
        timeout: As for :func:`start`.
        wait: As for :func:`start`.

    Raises:
        NotHealthy: As for :func:`start`.
        ComposerError: As for :func:`start`.
    """
    with _recorded(deployment, names, reporter, wait, "restart") as (manifest, lifecycle, deeds):
        deeds.restarted = dict.fromkeys((one.name for one in manifest.participants), "it was asked for")
        return start_participants(manifest, deployment, lifecycle, timeout, True, reporter)


def stop(
    deployment: Path, names: Sequence[str] = (), reporter: Reporter = SILENT, wait: bool = False
) -> tuple[str, ...]:
    """Stop participants until they are started again; a reboot does not start them, and the rest goes on.

    Args:
        deployment: The deployment folder.
        names: As for :func:`start`.
        reporter: As for :func:`start`.
        wait: As for :func:`start`.

    Returns:
        Who ran.

    Raises:
        ComposerError: There is no such participant, or it could not be done on some hosts; on the others it was.
    """
    with _recorded(deployment, names, reporter, wait, "stop") as (manifest, lifecycle, deeds):
        deeds.stopped = ran = stop_participants(manifest, deployment, lifecycle, reporter)
        return ran


def execute(
    deployment: Path, name: str, argv: Sequence[str], terminal: bool = False, reporter: Reporter = SILENT
) -> int:
    """Run a program where a participant runs, with its files, names and Python, and return its exit status.

    Args:
        deployment: The deployment folder.
        name: The participant.
        argv: The program and its arguments.
        terminal: Whether there is a terminal to hand on.
        reporter: Hears the command.

    Raises:
        ComposerError: There is no such participant, or it does not run.
    """
    manifest = deployed(deployment)
    (chosen,) = _choose(manifest, [name]).participants
    return run_inside(manifest.only([name]), deployment, chosen, argv, terminal, reporter)


@contextmanager
def _recorded(
    deployment: Path, names: Sequence[str], reporter: Reporter, wait: bool, verb: str
) -> Iterator[tuple[Manifest, Lifecycle, Deeds]]:
    """Be the only composer at work, whose deeds are recorded; what is there is read only then."""
    deployed(deployment)
    with locked_deployment(deployment, reporter, wait, dry_run=False):
        manifest = deployed(deployment)
        chosen = _choose(manifest, names)
        lifecycle = lifecycle_of(manifest.runtime, deployment)
        with (
            reserved(lifecycle, manifest, reporter, wait, dry_run=False),
            recorded(deployment, verb, chosen) as deeds,
        ):
            yield chosen, lifecycle, deeds


def _choose(manifest: Manifest, names: Sequence[str]) -> Manifest:
    services(manifest, names)
    admin = next((one.name for one in manifest.admins if one.name in names), None)
    if admin:
        raise ComposerError(f"{admin} is an administrator, who runs only at a console", f"composer admin {admin}")
    return manifest.only(names or [one.name for one in manifest.started])
