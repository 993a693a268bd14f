"""A deployment as containers: which Compose commands run it, and how it is seen to run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from composer.engine import Container, Engine
from composer.errors import CommandFailed, ComposerError
from composer.manifest import DeployedParticipant, Manifest
from composer.model import Command, FederationStatus, Health, ParticipantStatus, State
from composer.probe import Identity, busy_port, explain, shake_hands
from composer.process import run
from composer.render import COMPOSE_FILE
from composer.render.compose import WORKSPACE

_JOB_MODULES = ("nvflare.private.fed.app.server.runner_process", "nvflare.private.fed.app.client.worker_process")
OVERRIDE_FILE = "compose.override.yml"
COMPOSE_FILES = (COMPOSE_FILE, OVERRIDE_FILE)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_OLDEST_COMPOSE = (2, 20)
# What a user's shell may hold for another project of theirs.
_FOREIGN = (
    "COMPOSE_FILE",
    "COMPOSE_PROJECT_NAME",
    "COMPOSE_PROFILES",
    "COMPOSE_ENV_FILES",
    "COMPOSE_DISABLE_ENV_FILE",
)


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
        ("docker", "compose", "--project-directory", str(deployment), *named, *arguments),
        environment=tuple((name, None) for name in _FOREIGN),
    )


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


def start(deployment: Path) -> Command:
    """Return the command that starts all participants but the admins."""
    return compose(deployment, "up", "--detach", "--no-build", "--remove-orphans")


def start_again(deployment: Path, files: Sequence[Path], services: Sequence[str]) -> Command:
    """Return the command that starts services as former Compose files describe them."""
    return compose(deployment, "up", "--detach", "--no-build", "--no-deps", *services, files=files)


def stop(deployment: Path) -> Command:
    """Return the command that stops and removes the participants' containers."""
    return compose(deployment, "--profile", "admin", "down", "--remove-orphans")


def logs(deployment: Path, services: Sequence[str], follow: bool, lines: int | None, colour: bool) -> Command:
    """Return the command that prints the participants' logs, each line with its participant's name."""
    options = (["--follow"] if follow else []) + (["--tail", str(lines)] if lines is not None else [])
    # --no-color alone still moves the cursor (Compose 2.26).
    ansi = [] if colour else ["--ansi", "never"]
    return compose(deployment, *ansi, "logs", *options, *services)


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


def own_containers(engine: Engine, manifest: Manifest, deployment: Path) -> dict[str, Container]:
    """Return this deployment's containers by participant.

    Raises:
        ComposerError: The Compose project's name is taken by another deployment, or by somebody else.
    """
    found = {}
    for container in engine.containers(manifest.compose_project):
        if container.deployment != str(deployment):
            raise ComposerError(
                f"the Compose project {manifest.compose_project} on this engine is not of this deployment: "
                f"container {container.name} belongs to {container.deployment or 'something else'}",
                f"stop that one first: docker compose -p {manifest.compose_project} down",
            )
        if not container.one_off:
            found[container.participant] = container
    return found


def refuse_swapped_kits(containers: Iterable[Container], authority: str, deployment: Path) -> None:
    """Make sure that no participant runs which trusts another authority than the kits do.

    Raises:
        ComposerError: One does: the new ones could not speak to those that still run.
    """
    for container in containers:
        if container.authority not in ("", authority) and container.state in ("running", "restarting"):
            raise ComposerError(
                f"the kits are of another authority than those with which {container.participant} runs",
                f"if they were provisioned anew: composer down -d {shlex.quote(str(deployment))}, then up; "
                "else name the former kits",
            )


def stop_former(engine: Engine, manifest: Manifest, deployment: Path) -> tuple[Command, ...]:
    """Return the commands that remove what the deployment started when its project had another name."""
    names = {container.compose_project for container in engine.containers_of(deployment)} - {manifest.compose_project}
    return tuple(Command(("docker", "compose", "--project-name", name, "down")) for name in sorted(names))


def running_jobs(engine: Engine, containers: Iterable[Container]) -> tuple[str, ...]:
    """Return the jobs whose processes are found in the containers, in every release started with ``-n JOB``."""
    jobs: set[str] = set()
    for container in containers:
        for process in engine.processes(container.id) if container.state == "running" else ():
            words = process.split()
            if any(word in _JOB_MODULES for word in words) and "-n" in words[:-1]:
                jobs.add(words[words.index("-n") + 1])
    return tuple(sorted(jobs))


def require_free_ports(manifest: Manifest, running: Mapping[str, Container]) -> None:
    """Make sure that the ports which participants open are free, but for those that this deployment holds itself.

    Raises:
        ComposerError: One is taken. NVFLARE would share it silently, or wait for it for ever.
    """
    for participant in manifest.started:
        held = running.get(participant.name)
        if held and held.state == "running":
            continue
        for port in participant.listens:
            family = busy_port(port)
            if family:
                raise ComposerError(
                    f"port {port} of {participant.name} is taken on {family}",
                    f"see by whom with: ss -ltnp 'sport = :{port}', and stop that",
                )


def observe(engine: Engine, manifest: Manifest, deployment: Path, now: datetime) -> FederationStatus:
    """Look at every participant of a deployment that ``up`` starts, once."""
    containers = own_containers(engine, manifest, deployment)
    return FederationStatus(
        manifest.federation,
        tuple(
            _status(participant, containers.get(participant.name), deployment, now) for participant in manifest.started
        ),
    )


def last_words(engine: Engine, container: Container | None) -> str:
    """Return the last line that a participant itself wrote, without colours; empty where there is none."""
    lines = [_COLOURS.sub("", line).strip() for line in engine.last_lines(container.id, 20)] if container else []
    return next((line for line in reversed(lines) if line and not line.startswith("composer: ")), "")


def _status(
    participant: DeployedParticipant, container: Container | None, deployment: Path, now: datetime
) -> ParticipantStatus:
    state: State = container.state if container else "absent"
    registered, since, detail = False, None, ""
    if container and state == "running":
        if participant.type == "server":
            detail = unreachable(participant)
            registered, since = not detail, container.started
        else:
            since = registered_since(deployment, participant, container.started)
            registered = since is not None
    elif container and state == "exited":
        detail = f"ended with status {container.exit_code}"
        if container.exit_code == 0:
            state, detail = "stopped", "shut down by an administrator"
    return ParticipantStatus(
        name=participant.name,
        type=participant.type,
        host="local",
        state=state,
        health=_health(container, registered),
        registered=registered,
        since=since,
        certificate_days_left=(participant.certificate_not_after - now) // timedelta(days=1),
        image=participant.image,
        restarts=container.restarts if container else 0,
        detail=detail,
    )


def _health(container: Container | None, registered: bool) -> Health:
    """Docker looks every 30 s; until it has, what composer itself sees is the truth."""
    if container is None or container.state != "running":
        return "none"
    if container.health == "starting" and registered:
        return "healthy"
    return container.health


def registered_since(deployment: Path, participant: DeployedParticipant, started: datetime | None) -> datetime | None:
    """Return when a running participant was accepted by the server; None while it has not been.

    The container's entrypoint says so in ``composer.state``; what it said before ``started`` is of a former life.
    """
    path = deployment / "workspaces" / participant.service / "composer.state"
    try:
        word, _, time = path.read_text(encoding="ascii").strip().partition(" ")
        written = path.stat().st_mtime
        since = datetime.fromisoformat(time.replace("Z", "+00:00"))
    except (OSError, ValueError):
        return None
    fresh = started is None or written >= started.timestamp()
    return since if word == "registered" and fresh else None


def unreachable(participant: DeployedParticipant) -> str:
    """Return why the other side of a participant's connection does not answer as it must; empty if it does."""
    stem = "server" if participant.type == "server" else "client"
    startup = participant.kit / "startup"
    identity = Identity(startup / f"{stem}.crt", startup / f"{stem}.key", startup / "rootCA.pem")
    where = f"{participant.host_name}:{participant.port}"
    try:
        name = shake_hands(participant.address, participant.port, identity, participant.security)
    except OSError as error:
        return f"{where}: {explain(error)}"
    if participant.security != "clear" and participant.identity and name != participant.identity:
        return f"{where}: answered by {name!r}, not by {participant.identity!r}"
    return ""


def services(manifest: Manifest, names: Iterable[str]) -> tuple[str, ...]:
    """Return the services of the participants ``names``.

    Raises:
        ComposerError: One of them is not in this deployment.
    """
    known = {participant.name: participant.service for participant in manifest.participants}
    missing = [name for name in names if name not in known]
    if missing:
        raise ComposerError(f"no participant is called {missing[0]}", f"there are {', '.join(known)}")
    return tuple(known[name] for name in names)
