"""Refuses a deployment of one runtime while participants of another still run, by what really runs."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from composer.deployment.layout import COMPOSE_FILE, RUN_FILE, STARTED
from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.model.kinds import RuntimeName
from composer.model.reporter import some_of
from composer.runtimes.lifecycle import other_runtimes
from composer.runtimes.supervisors import supervised_services, workspaces


def refuse_other_runtime(deployment: Path, runtime: RuntimeName) -> None:
    """Make sure that nothing runs in a deployment folder which the commands of ``runtime`` could not stop.

    Raises:
        ComposerError: Participants run otherwise, or it cannot be found out whether they do.
    """
    for other in other_runtimes(runtime):
        if names := _found(deployment, other):
            one, several = _KINDS[other]
            runs = f"runs as {one}" if len(names) == 1 else f"run as {several}"
            raise ComposerError(
                f"in {deployment}, {some_of(names)} {runs}",
                f"stop that first: composer down -C {shlex.quote(str(deployment))}",
            )


def _found(deployment: Path, runtime: RuntimeName) -> tuple[str, ...]:
    if runtime == "process":
        return supervised_services(deployment)
    return _containers_of_podman(deployment) if runtime == "podman" else _containers(deployment)


def end_containers(deployment: Path) -> tuple[Command, ...]:
    """Return the commands that end the containers of a deployment folder, if any are left of an earlier runtime.

    Raises:
        ComposerError: It cannot be found out whether there are.
    """
    if not _containers(deployment):
        return ()
    from composer.runtimes.docker import stop_project
    from composer.runtimes.engine import connect

    return tuple(map(stop_project, sorted(connect().compose_projects_of(deployment))))


def _have_run(deployment: Path) -> bool:
    """Tell whether containers were ever started, so that a machine without an engine is asked for none."""
    states = (folder / "composer.state" for folder in workspaces(deployment))
    return (deployment / STARTED).exists() or ((deployment / COMPOSE_FILE).exists() and any(s.exists() for s in states))


def _containers(deployment: Path) -> tuple[str, ...]:
    from composer.runtimes.engine import connect

    if not _have_run(deployment):
        return ()
    if not os.environ.get("DOCKER_HOST") and not shutil.which("docker"):
        return ()
    try:
        found = connect().containers_of(deployment)
    except ComposerError as error:
        raise ComposerError(
            f"it cannot be seen whether {deployment} still runs as containers: {error.message}",
            f"{error.hint}; or leave that deployment as it is, and make another: -C DIR",
        ) from error
    return tuple(sorted(container.participant or container.name for container in found))


def _containers_of_podman(deployment: Path) -> tuple[str, ...]:
    if not (deployment / RUN_FILE).exists() or not shutil.which("podman"):
        return ()
    from composer.runtimes.podman.service import connect

    return tuple(sorted(one.participant or one.name for one in connect().containers_of(deployment)))


_KINDS = {
    "docker": ("a container", "containers"),
    "podman": ("a container of Podman", "containers of Podman"),
    "process": ("a plain process", "plain processes"),
}
