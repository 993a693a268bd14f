"""The end of what runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path

from composer.hosts.stopping import plan_stop, stop
from composer.model.errors import ComposerError
from composer.model.plan import Plan
from composer.model.reporter import SILENT, Reporter
from composer.runtimes.lifecycle import lifecycle_of
from composer.usecases.inputs import deployed
from composer.usecases.locking import locked_deployment, reserved


def down(
    deployment: Path,
    reporter: Reporter = SILENT,
    purge: bool = False,
    confirm: Callable[[str], bool] = lambda _: False,
    wait: bool = False,
) -> tuple[str, ...]:
    """Stop and remove this deployment's containers; kits, workspaces and the job store stay.

    Args:
        deployment: The deployment folder.
        reporter: Hears what is done.
        purge: Delete the deployment folder too, with the workspaces and the job store, after ``confirm``.
        confirm: Asked before anything is deleted.
        wait: As for :func:`generate`.

    Returns:
        Who ran.

    Raises:
        ComposerError: There is no deployment there, its Compose project is somebody else's, or another composer
            is at work on it.
    """
    from composer.deployment import place
    from composer.deployment.history import Deeds, recorded

    _require_some_deployment(deployment)
    with ExitStack() as stack:
        # What runs can be stopped where nothing can be written, such as on a disk that has failed.
        stack.enter_context(locked_deployment(deployment, reporter, wait, dry_run=False, needed=purge))
        if purge and place.is_unfinished(deployment) and confirm(f"Delete {deployment}?"):
            from composer.deployment.purging import purge as purge_folder

            purge_folder(deployment, reporter)
            return ()
        manifest = deployed(deployment)
        if purge and not confirm(f"Delete {deployment} with all workspaces and the job store?"):
            raise ComposerError("nothing was stopped or deleted", "leave out --purge to keep workspaces and jobs")
        lifecycle = lifecycle_of(manifest.runtime, deployment)
        lifecycle.prepare()
        stack.enter_context(reserved(lifecycle, manifest, reporter, wait, dry_run=False))
        with recorded(deployment, "down", manifest) if not purge else nullcontext(Deeds()) as deeds:
            deeds.stopped = ran = stop(manifest, deployment, lifecycle, reporter, purge)
        return ran


def plan_down(deployment: Path, reporter: Reporter = SILENT, purge: bool = False) -> Plan:
    """Return whom :func:`down` would stop, and show the commands; nothing is changed, and no lock is taken.

    Args:
        deployment: The deployment folder.
        reporter: Hears the commands.
        purge: As for :func:`down`.

    Raises:
        ComposerError: There is no deployment there, or its Compose project is somebody else's.
    """
    from composer.deployment import place

    _require_some_deployment(deployment)
    if purge and place.is_unfinished(deployment):
        from composer.deployment.purging import purge as purge_folder

        purge_folder(deployment, reporter, dry_run=True)
        return Plan("")
    manifest = deployed(deployment)
    lifecycle = lifecycle_of(manifest.runtime, deployment)
    return plan_stop(manifest, deployment, lifecycle, reporter, purge)


def _require_some_deployment(deployment: Path) -> None:
    """Nobody makes one there, and no folder must be made to say so."""
    from composer.deployment import place

    if not (deployment / place.LOCK).exists() and not place.is_unfinished(deployment):
        deployed(deployment)
