"""A deployment as containers: which Compose commands run it, and how it is seen to run."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from composer.deployment.layout import COMPOSE_FILE, OVERRIDE_FILE, WORKSPACE, is_same_folder
from composer.deployment.manifest import Manifest
from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError
from composer.model.kinds import LOCAL
from composer.model.status import ALIVE
from composer.runtimes.engine import Engine
from composer.runtimes.engine_answers import Container
from composer.runtimes.jobs import job_of
from composer.system.process import run

COMPOSE_FILES = (COMPOSE_FILE, OVERRIDE_FILE)
CRASH_LOOP = 3
_PREFIX = re.compile(r"^((?:\x1b\[[0-9;]*m)*[a-z0-9._-]+?)-[0-9]+(\s*)\| ")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_OLDEST_COMPOSE = (2, 20)
# What a user's shell may hold for other projects of theirs: files, profiles, how many calls at once, whom to keep.
_FOREIGN = "COMPOSE_"


def compose(deployment: Path, *arguments: str, files: Sequence[Path] = ()) -> Command:
    """Return the command that runs ``docker compose ARGUMENTS`` on a deployment folder, the user's override too.

    Args:
        deployment: The deployment folder.
        arguments: Of ``docker compose``.
        files: Stand for the Compose files in the folder.
    """
    chosen = files or [deployment / COMPOSE_FILE, *(file for file in [deployment / OVERRIDE_FILE] if file.is_file())]
    named = [part for path in chosen for part in ("--file", str(path))]
    return Command(
        ("docker", "compose", "--project-directory", str(deployment), *named, *arguments), environment=_no_settings()
    )


def stop_project(name: str) -> Command:
    """Return the command that removes all containers of a Compose project, whose files need not be there any more."""
    argv = ("docker", "compose", "--project-name", name, "down", "--remove-orphans")
    # Compose takes the files of the folder in which it is started, and leaves alone whom they do not name.
    return Command(argv, environment=_no_settings(), folder=Path("/"))


def _no_settings() -> tuple[tuple[str, None], ...]:
    return tuple((name, None) for name in os.environ if name.startswith(_FOREIGN))


def services(files: Iterable[bytes]) -> dict[str, list[object]]:
    """Return what Compose files say of each service, in their order."""
    import yaml

    said: dict[str, list[object]] = {}
    for content in files:
        document = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe ones
        for name, service in ((document or {}).get("services") or {}).items():
            said.setdefault(name, []).append(service)
    return said


def configurations(deployment: Path, files: Sequence[Path] = ()) -> Mapping[str, str]:
    """Return Compose's hash of each service as the files have it now; empty where Compose cannot read them.

    Args:
        deployment: The deployment folder.
        files: Stand for the Compose files in the folder.
    """
    try:
        lines = run(compose(deployment, "config", "--hash", "*", files=files), timeout=30).splitlines()
    except ComposerError:
        return {}
    return dict(line.split(" ", 1) for line in lines if " " in line)


def require_compose() -> None:
    """Make sure that Docker Compose v2 is there.

    Raises:
        ComposerError: It is missing, too old, or Docker's command is missing.
    """
    hint = "install the Compose plugin of Docker (docker-compose-plugin); docker-compose 1.x cannot be used"
    try:
        version = run(Command(("docker", "compose", "version", "--short")), timeout=30).strip()
    except CommandFailed as error:
        raise ComposerError("Docker Compose v2 is not installed", hint) from error
    numbers = version.lstrip("v").split(".")[:2]
    if all(number.isdigit() for number in numbers) and tuple(map(int, numbers)) < _OLDEST_COMPOSE:
        raise ComposerError(f"Docker Compose {version} is too old, 2.20 is needed", hint)


def start(deployment: Path, remove_orphans: bool = True) -> Command:
    """Return the command that starts all participants but the admins, and removes those that are not among them."""
    return compose(deployment, "up", "--detach", "--no-build", *(["--remove-orphans"] if remove_orphans else []))


def start_again(deployment: Path, files: Sequence[Path], services: Sequence[str]) -> Command:
    """Return the command that starts services as former Compose files describe them."""
    return compose(deployment, "up", "--detach", "--no-build", *services, files=files)


def stop(deployment: Path) -> Command:
    """Return the command that stops and removes the participants' containers."""
    return compose(deployment, "--profile", "admin", "down", "--remove-orphans")


def start_only(deployment: Path, services: Sequence[str]) -> Command:
    """Return the command that starts some services, and nobody whom they depend on."""
    return compose(deployment, "up", "--detach", "--no-build", "--no-deps", *services)


def stop_only(deployment: Path, services: Sequence[str], remain: bool) -> Command:
    """Return the command that stops some services' containers, and removes them unless they are to remain."""
    return compose(deployment, *(["stop"] if remain else ["rm", "--stop", "--force"]), *services)


def inside(deployment: Path, service: str, argv: Sequence[str], terminal: bool) -> Command:
    """Return the command that runs a program in a service's container."""
    return compose(deployment, "exec", *([] if terminal else ["--no-TTY"]), service, *argv)


def logs(
    deployment: Path,
    services: Sequence[str],
    follow: bool,
    lines: int | None,
    since: str | None,
    colour: bool,
    timestamps: bool = False,
) -> Command:
    """Return the command that prints the participants' logs, each line with its container's name."""
    options = (["--follow"] if follow else []) + (["--tail", str(lines)] if lines is not None else [])
    options += (["--since", since] if since else []) + (["--timestamps"] if timestamps else [])
    # --no-color alone still moves the cursor (Compose 2.26).
    return compose(deployment, "--ansi", "always" if colour else "never", "logs", *options, *services)


def by_participant(line: str) -> str:
    """Return a line of ``docker compose logs`` with the service in front, without the container's number."""
    return _PREFIX.sub(r"\1\2| ", line, count=1)


def by_participant_of(host: str, services: Collection[str], line: str) -> str:
    """Return a line of a host's logs; one that bears the name of nobody there is under the host's own name.

    A host says itself how its containers are called, and could write in the name of others.
    """
    found = _PREFIX.match(line)
    if host == LOCAL or (found and _COLOUR.sub("", found[1]) in services):
        return by_participant(line)
    return f"{host}: {line}"


def console(deployment: Path, service: str) -> Command:
    """Return the command that runs an admin's console on a terminal."""
    return compose(deployment, "run", "--rm", "--no-deps", service)


def in_console(deployment: Path, service: str, argv: Sequence[str], folder: Path, terminal: bool) -> Command:
    """Return the command that runs a program in place of an admin's console.

    Args:
        deployment: The deployment folder.
        service: The admin's service.
        argv: The program and its arguments.
        folder: A folder of the host that the program works in: under the same path, and writable.
        terminal: Whether composer itself has one.
    """
    options = ["--rm", "--no-deps", *([] if terminal else ["--no-TTY"])]
    options += ["--volume", f"{folder}:{folder}", "--workdir", str(folder)]
    # Where `nvflare` looks for the kit to act with (nvflare/tool/kit/kit_config.py, 2.8 and newer).
    options += ["--env", f"NVFLARE_STARTUP_KIT_DIR={WORKSPACE}"]
    return compose(deployment, "run", *options, service, *argv)


def own_containers(
    engine: Engine, manifest: Manifest, deployment: Path, seen: Mapping[str, Container] | None = None
) -> dict[str, Container]:
    """Return this deployment's containers by participant; ``seen`` as for :meth:`Engine.containers`.

    Raises:
        ComposerError: The Compose project's name is taken by another deployment, or by somebody else.
    """
    found = {}
    for container in engine.containers(manifest.compose_project, seen):
        if not is_same_folder(container.deployment, deployment):
            raise ComposerError(
                f"the Compose project {manifest.compose_project} on this engine is not of this deployment: "
                f"container {container.name} belongs to {container.deployment or 'something else'}",
                f"stop that one first: docker compose -p {manifest.compose_project} down",
            )
        if not container.one_off:
            found[container.participant] = container
    return found


def refuse_paused(manifest: Manifest, containers: Mapping[str, Container]) -> None:
    """Make sure that nobody who is to run is paused, since Compose cannot start a paused container.

    Somebody has paused it by hand and for a reason, so composer does not wake it.

    Raises:
        ComposerError: Somebody is.
    """
    paused = {one.name: containers[one.name] for one in manifest.started if one.name in containers}
    paused = {name: one for name, one in paused.items() if one.state == "paused"}
    if paused:
        raise ComposerError(
            f"{', '.join(paused)} {'is' if len(paused) == 1 else 'are'} paused by somebody",
            f"wake what is paused, then go on: docker unpause {' '.join(one.name for one in paused.values())}",
        )


def in_containers(manifest: Manifest) -> Manifest:
    """Return what a manifest says of those participants alone that run as containers, on whichever host."""
    chosen = tuple(one for one in manifest.participants if manifest.runtime_on(one.host) != "process")
    return replace(manifest, participants=chosen)


def stop_former(engine: Engine, manifest: Manifest, deployment: Path) -> tuple[Command, ...]:
    """Return the commands that remove what the deployment started when its project had another name."""
    names = engine.compose_projects_of(deployment) - {manifest.compose_project}
    return tuple(stop_project(name) for name in sorted(names))


def running_jobs(engine: Engine, manifest: Manifest, containers: Mapping[str, Container]) -> tuple[str, ...]:
    """Return the jobs whose processes are found in the containers, in every release started with ``-n JOB``.

    Every job has a process beside the server, so the sites are asked only where the server is not among them. An engine
    whose machine has no ``ps`` (or BusyBox's) cannot say: then none is found.
    """
    jobs: set[str] = set()
    server = next((one.name for one in manifest.started if one.type == "server"), "")
    for container in [containers[server]] if server in containers else containers.values():
        processes: tuple[str, ...] = ()
        with contextlib.suppress(ComposerError):
            processes = engine.processes(container.id) if container.state in ALIVE else ()
        jobs.update(job_of(process.split()) for process in processes)
    return tuple(sorted(jobs - {""}))
