"""The use case of an administrator: NVFLARE's console, or one command of ``nvflare``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.hosts.console import console
from composer.model.errors import ComposerError
from composer.model.nearest import nearest
from composer.model.reporter import Reporter
from composer.usecases.inputs import deployed


def admin(deployment: Path, name: str | None, arguments: Sequence[str], terminal: bool, reporter: Reporter) -> int:
    """Run the admin console in a container, or one ``nvflare`` command, and return its exit status.

    Args:
        deployment: The deployment folder.
        name: The admin; needed only where there are several.
        arguments: Of ``nvflare``; empty for the console. The command sees the present folder and may write to it.
        terminal: Whether composer has a terminal to hand on.
        reporter: Hears what is done.

    Raises:
        ComposerError: There is no such admin, no terminal for the console, no folder to work in, or this release's
            ``nvflare`` cannot do it.
    """
    manifest = deployed(deployment)
    chosen = _choose_admin(manifest, name)
    if arguments:
        _require_able(chosen, arguments, deployment)
        if "submit" in arguments:
            from composer.usecases.before_submit import warn_of_job

            warn_of_job(manifest, deployment, arguments, reporter)
    argv = ("nvflare", *arguments) if arguments else ()
    return console(manifest, deployment, chosen, argv, terminal, reporter)


def _choose_admin(manifest: Manifest, name: str | None) -> DeployedParticipant:
    admins = manifest.admins
    names = ", ".join(admin.name for admin in admins)
    if not admins:
        raise ComposerError("this deployment has no admin kit", "add one: composer up KITS... ADMIN_KIT")
    if name is None and len(admins) > 1:
        raise ComposerError("there are several admins", f"name one of {names}")
    chosen = next((admin for admin in admins if name in (None, admin.name)), None)
    if chosen is None:
        near = nearest(name or "", [admin.name for admin in admins])
        raise ComposerError(f"no admin is called {name}", f"did you mean {near}?" if near else f"there is {names}")
    return chosen


def _require_able(admin: DeployedParticipant, arguments: Sequence[str], deployment: Path) -> None:
    from composer.kits.releases import submits_jobs

    if "submit" in arguments[:4] and not submits_jobs(admin.release):
        transfer = deployment / "workspaces" / admin.service / "transfer"
        raise ComposerError(
            f"`nvflare job submit` of NVFLARE {admin.nvflare} does not find the admin's name in a provisioned kit",
            f"put the job into {transfer}, then in the console (composer admin): submit_job JOB",
        )
