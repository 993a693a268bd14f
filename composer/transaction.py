"""All or nothing: where a start fails or is interrupted, what it created goes again and what ran before goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from composer.errors import CommandFailed, ComposerError, NotHealthy
from composer.process import command_line, run
from composer.runtimes import docker
from composer.write import keep_started, read_started

if TYPE_CHECKING:
    from composer.engine import Container, Engine
    from composer.manifest import Manifest
    from composer.talk import Talk


@dataclass(frozen=True)
class Before:
    """What there was before a start: containers by id, and the Compose files that they were made from, if known."""

    containers: Mapping[str, Container]
    files: Mapping[str, bytes]


def look(engine: Engine, deployment: Path) -> Before:
    """Return what there is now."""
    return Before({one.id: one for one in engine.containers_of(deployment)}, read_started(deployment))


@contextlib.contextmanager
def undone_on_failure(
    engine: Engine, manifest: Manifest, deployment: Path, before: Before, talk: Talk
) -> Iterator[None]:
    """Lend the time in which a deployment is started; undo it where that fails or is interrupted.

    Participants that run and are not registered yet are no failure: the other side may come later.

    Raises:
        ComposerError: What failed; where the engine says whom it could not start and why, that.
    """
    try:
        yield
        keep_started(deployment, docker.COMPOSE_FILES)
    except NotHealthy:
        keep_started(deployment, docker.COMPOSE_FILES)
        raise
    except CommandFailed as error:
        told = _explained(error, engine, manifest, deployment)
        undo(engine, deployment, before, talk)
        raise told from error
    except (ComposerError, KeyboardInterrupt):
        undo(engine, deployment, before, talk)
        raise


def _explained(error: CommandFailed, engine: Engine, manifest: Manifest, deployment: Path) -> ComposerError:
    """Compose says what went wrong with one of them and not with which: the engine is asked for each."""
    containers = engine.containers_of(deployment)
    for container in containers:
        if container.state in ("created", "exited") and not container.one_off:
            reason = " ".join(engine.try_to_start(container.id).split())
            if reason:
                return ComposerError(f"{container.participant} cannot be started: {reason}", error.hint)
    there = {container.participant for container in containers}
    refused = [participant.name for participant in manifest.started if participant.name not in there]
    if not refused:
        return error
    reason = error.last_line.removeprefix("Error response from daemon: ")
    return ComposerError(f"{' or '.join(refused)} cannot be started: {reason}", error.hint)


def undo(engine: Engine, deployment: Path, before: Before, talk: Talk) -> None:
    """Take back what was started since ``before``, and bring back what ran then."""
    talk.step("Taking back what was started")
    if not before.containers:
        run(docker.stop(deployment))
        return
    for container in engine.containers_of(deployment):
        if container.id not in before.containers:
            engine.remove(container.id)
    running = {one.id for one in engine.containers_of(deployment) if one.state == "running"}
    ended = [one for one in before.containers.values() if one.state == "running" and one.id not in running]
    if ended and before.files:
        _bring_back(engine, deployment, ended, before.files, talk)


def _bring_back(
    engine: Engine, deployment: Path, ended: list[Container], files: Mapping[str, bytes], talk: Talk
) -> None:
    for container in ended:
        engine.name_image(container.image_id, container.image)
    services = sorted({one.service for one in ended if not one.one_off})
    with TemporaryDirectory(prefix="composer-") as folder:
        former = [Path(folder, name) for name in docker.COMPOSE_FILES if name in files]
        for path in former:
            path.write_bytes(files[path.name])
        command = docker.start_again(deployment, former, services)
        talk.command(command_line(command))
        run(command)
