"""All or nothing: where a start fails or is interrupted, what it created goes again and what ran before goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from composer.deployment.write import keep_started, read_started
from composer.model.errors import CommandFailed, ComposerError, NotHealthy
from composer.runtimes import docker
from composer.system.process import command_line, run
from composer.system.signals import held, raised_once

if TYPE_CHECKING:
    from composer.deployment.manifest import Manifest
    from composer.model.reporter import Reporter
    from composer.runtimes.engine import Container, Engine


@dataclass(frozen=True)
class Snapshot:
    """What there was before a start: containers by id, and the Compose files that they were made from, if known."""

    containers: Mapping[str, Container]
    files: Mapping[str, bytes]


def take_snapshot(engine: Engine, deployment: Path) -> Snapshot:
    """Return what there is now."""
    return Snapshot({one.id: one for one in engine.containers_of(deployment)}, read_started(deployment))


@contextlib.contextmanager
def rolled_back_on_failure(
    engine: Engine, manifest: Manifest, deployment: Path, before: Snapshot, reporter: Reporter
) -> Iterator[None]:
    """Run the block that starts a deployment; if it fails or is interrupted, stop what it started and restart the rest.

    Participants that run and are not registered yet are no failure: the other side may come later. What the block hands
    to Compose is kept before it is, so that the next run knows it even if this one is killed.

    Raises:
        ComposerError: What failed; where the engine says whom it could not start and why, that.
    """
    keep_started(deployment, dict(_compose_files(deployment)))
    with one_signal_raised(reporter):
        try:
            yield
        except NotHealthy:
            raise
        except BaseException as error:
            with held_while_taken_back(reporter):
                told = _explained(error, engine, manifest, deployment) if isinstance(error, CommandFailed) else error
                roll_back(engine, deployment, before, reporter)
                _attempt(reporter, lambda: keep_started(deployment, before.files))
            raise told from error


def one_signal_raised(reporter: Reporter) -> contextlib.AbstractContextManager[None]:
    """Let the first signal that comes meanwhile end the block, and the next ones wait for what that takes back."""
    return raised_once(lambda: _ask_to_wait(reporter))


def _ask_to_wait(reporter: Reporter) -> None:
    reporter.warn("what was started is being taken back: please wait")


def held_while_taken_back(reporter: Reporter) -> contextlib.AbstractContextManager[None]:
    """Let no signal end what is taken back meanwhile; who sends one is asked to wait."""
    return held(lambda: _ask_to_wait(reporter))


def _compose_files(deployment: Path) -> Iterator[tuple[str, bytes]]:
    for name in docker.COMPOSE_FILES:
        with contextlib.suppress(FileNotFoundError):
            yield name, (deployment / name).read_bytes()


def _attempt(reporter: Reporter, step: Callable[[], object]) -> None:
    """Take one step back; where it fails the others are taken all the same."""
    try:
        step()
    except ComposerError as error:
        reporter.warn(f"not everything could be taken back: {error.message}; see what runs with: composer status")


def _explained(error: CommandFailed, engine: Engine, manifest: Manifest, deployment: Path) -> ComposerError:
    """Compose says what went wrong with one of them and not with which: the engine is asked for each, if it answers."""
    try:
        return _found_cause(error, engine, manifest, deployment)
    except ComposerError:
        return error


def _found_cause(error: CommandFailed, engine: Engine, manifest: Manifest, deployment: Path) -> ComposerError:
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


def roll_back(engine: Engine, deployment: Path, before: Snapshot, reporter: Reporter) -> None:
    """Take back what was started since ``before``, and bring back what ran then, as far as each step goes."""
    reporter.step("Taking back what was started")
    if not before.containers:
        _attempt(reporter, lambda: run(docker.stop(deployment)))
        return
    there: list[Container] = []
    _attempt(reporter, lambda: there.extend(engine.containers_of(deployment)))
    for container in there:
        if container.id not in before.containers:
            _attempt(reporter, lambda gone=container.id: engine.remove(gone))  # type: ignore[misc]
    running = {one.id for one in there if one.state == "running"}
    ended = [one for one in before.containers.values() if one.state == "running" and one.id not in running]
    if ended and before.files:
        _attempt(reporter, lambda: _bring_back(engine, deployment, ended, before.files, reporter))
    elif ended:
        names = ", ".join(sorted(one.participant for one in ended))
        reporter.warn(f"{names} ran before and cannot be brought back: composer up")


def _bring_back(
    engine: Engine, deployment: Path, ended: list[Container], files: Mapping[str, bytes], reporter: Reporter
) -> None:
    for container in ended:
        engine.name_image(container.image_id, container.image)
    services = sorted({one.service for one in ended if not one.one_off})
    with TemporaryDirectory(prefix="composer-") as folder:
        former = [Path(folder, name) for name in docker.COMPOSE_FILES if name in files]
        for path in former:
            path.write_bytes(files[path.name])
        command = docker.start_again(deployment, former, services)
        reporter.command(command_line(command))
        run(command)
