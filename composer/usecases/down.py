"""The end of what runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from composer.hosts.stopping import stop
from composer.model.errors import ComposerError
from composer.model.reporter import SILENT, Reporter
from composer.usecases.inputs import deployed
from composer.usecases.locking import locked_deployment, reserved


def down(
    deployment: Path,
    reporter: Reporter = SILENT,
    purge: bool = False,
    confirm: Callable[[str], bool] = lambda _: False,
    dry_run: bool = False,
    wait: bool = False,
) -> None:
    """Stop and remove this deployment's containers; kits, workspaces and the job store stay.

    Args:
        deployment: The deployment folder.
        reporter: Hears what is done.
        purge: Delete the deployment folder too, with the workspaces and the job store, after ``confirm``.
        confirm: Asked before anything is deleted.
        dry_run: Only show the commands.
        wait: As for :func:`generate`.

    Raises:
        ComposerError: There is no deployment there, its Compose project is somebody else's, or another composer
            is at work on it.
    """
    from composer.deployment import place
    from composer.runtimes.lifecycle import lifecycle_of

    if not (deployment / ".lock").exists() and not place.is_unfinished(deployment):
        # Nobody makes one there, and no folder must be made to say so.
        deployed(deployment)
    with ExitStack() as stack:
        # What runs can be stopped where nothing can be written, such as on a disk that has failed.
        stack.enter_context(locked_deployment(deployment, reporter, wait, dry_run, needed=purge))
        if purge and place.is_unfinished(deployment) and confirm(f"Delete {deployment}?"):
            from composer.deployment.purging import purge as purge_folder

            purge_folder(deployment, reporter, dry_run)
            return
        manifest = deployed(deployment)
        if purge and not confirm(f"Delete {deployment} with all workspaces and the job store?"):
            raise ComposerError("nothing was stopped or deleted", "leave out --purge to keep workspaces and jobs")
        lifecycle = lifecycle_of(manifest.runtime, deployment)
        stack.enter_context(reserved(lifecycle, manifest, reporter, wait, dry_run))
        stop(manifest, deployment, lifecycle, reporter, purge, dry_run)
