"""Starts and stops containers: by Compose, on the engine of one machine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from composer.deployment.layout import COMPOSE_FILE, OVERRIDE_FILE, PRIVATE
from composer.deployment.recorded import keep_started, read_started
from composer.model.errors import CommandFailed, ComposerError
from composer.model.status import ALIVE
from composer.runtimes import docker
from composer.runtimes.engine import Engine, connect
from composer.runtimes.engine_answers import Container
from composer.runtimes.engine_facts import EngineFacts
from composer.runtimes.lifecycle import Present
from composer.runtimes.occupant import DockerOccupant
from composer.runtimes.supervisors import supervised_services
from composer.runtimes.transaction import attempt
from composer.system.process import command_line, perform, run

if TYPE_CHECKING:
    from composer.deployment.manifest import Manifest
    from composer.model.federation import Federation
    from composer.model.finding import Finding
    from composer.model.reporter import Reporter
    from composer.runtimes.containers import Containers
    from composer.runtimes.observe import Traces


class DockerLifecycle:
    """The containers of a deployment folder (a :class:`composer.runtimes.lifecycle.Lifecycle`).

    Args:
        deployment: The folder, on the machine of the engine.
        engine: The engine; None for this machine's, which is then asked when it is needed.
        traces: How what the participants leave on the engine's host is read; None: from this machine.
    """

    makes_for_others = True
    # What containers are started from, in the deployment folder.
    _sources: tuple[str, ...] = docker.COMPOSE_FILES

    def __init__(self, deployment: Path, engine: Engine | None = None, traces: Traces | None = None) -> None:
        self._deployment, self._given, self._traces = deployment, engine, traces
        # What there was before a start: containers by ID, and the Compose files that they were made from, if known: in
        # several versions, the newest first, where a command was killed while it started them.
        self._containers: Mapping[str, Container] = {}
        self._kept: tuple[Mapping[str, bytes], ...] = ()

    @cached_property
    def _engine(self) -> Engine:
        return self._given or self._connect()

    def _connect(self) -> Engine:
        return connect()

    def prepare(self) -> None:
        """Import Docker's SDK: further down, CPython 3.11 to 3.13 take ten times as long for what it compiles then.

        At the end of a chunk of the interpreter's stack, each call maps a new one and gives it back.
        """
        import_module("composer.runtimes.engine_client")

    def require_tools(self) -> None:
        """Make sure that Docker Compose is there."""
        docker.require_compose()

    def tools(self) -> Mapping[str, Callable[[], object]]:
        """Return what makes sure that Docker's command line tools are there."""
        from composer.images.build import require_buildx

        return {"COMPOSE": docker.require_compose, "BUILDKIT": require_buildx}

    def examine(self) -> Sequence[Finding]:
        """Say nothing: what else it needs is found out where it is looked at anyway."""
        return ()

    def remember(self) -> Present:
        """Look at the folder's containers, and keep what they were started from until the start is over."""
        self._containers = {one.id: one for one in self._engine.containers_of(self._deployment)}
        self._kept = read_started(self._deployment)
        there = self._containers.values()
        return Present(
            tuple(one.participant for one in there if not one.one_off),
            {one.participant: one.authority for one in there if one.state in (*ALIVE, "restarting")},
        )

    def reserved(
        self, manifest: Manifest, wait: bool, waiting: Callable[[str], None]
    ) -> contextlib.AbstractContextManager[None]:
        """Keep other composers of this user from the Compose project."""
        from composer.deployment.locks import lock_project

        return lock_project(manifest.compose_project, wait, waiting)

    def running(self, manifest: Manifest) -> tuple[str, ...]:
        """Return the names of the participants whose containers run, those that are paused, too."""
        own = docker.own_containers(self._engine, manifest, self._deployment, self._containers)
        return tuple(name for name, container in own.items() if container.state in ("running", "paused"))

    def require_startable(self, manifest: Manifest) -> None:
        """Make sure that nobody is paused: Compose cannot start a paused container."""
        own = docker.own_containers(self._engine, manifest, self._deployment, self._containers)
        docker.refuse_paused(manifest, own)

    def stale(self, manifest: Manifest) -> tuple[str, ...]:
        """Return the names of those whose images are missing or stale here."""
        from composer.deployment.image_record import ImageRecord
        from composer.images.build import stale

        built_here = manifest.from_build.built_here
        waiting = stale(built_here, self._engine.built_images(), ImageRecord(self._deployment).read())
        return tuple(one.name for one in waiting)

    def changes(self, manifest: Manifest, files: Mapping[str, bytes]) -> Mapping[str, str]:
        """Compare what the containers were last started from with what they are about to be started from."""
        there = dict(self._compose_files())
        kept = [_composed(version) for version in self._kept]
        coming = {name: one[name] for name, one in ((COMPOSE_FILE, files), (OVERRIDE_FILE, there)) if name in one}
        if kept == [coming]:
            return {}
        versions = [docker.services(version.values()) for version in kept] or [{}]
        now, made_from = docker.services(coming.values()), self._versions()
        return {
            one.name: "its settings have changed"
            for one in manifest.started
            if versions[made_from.get(one.service, 0)].get(one.service) != now.get(one.service)
        }

    def find_locks(self, federation: Federation, manifest: Manifest, reporter: Reporter) -> dict[str, str]:
        """Find out what pip would install into those images that are about to be built."""
        from composer.images.building import find_locks, waiting_services

        return find_locks(federation, waiting_services(self._engine, manifest, self._deployment), reporter)

    def build(
        self, federation: Federation, manifest: Manifest, reporter: Reporter, offline: bool, dry_run: bool
    ) -> tuple[str, ...]:
        """Build the images that are missing or stale."""
        from composer.images.building import build_stale

        return build_stale(self._engine, federation, manifest.built_here, reporter, offline, dry_run)

    def pull(self, manifest: Manifest, reporter: Reporter, dry_run: bool) -> None:
        """Pull the images that come from a registry."""
        from composer.images.registry import pull_stale

        pull_stale(self._engine, manifest.from_registry, self._deployment, reporter, dry_run)

    def facts(self) -> EngineFacts:
        """Return what the engine says of itself and of its machine."""
        return self._engine.facts()

    def require_ready(self, federation: Federation, reporter: Reporter) -> None:  # noqa: ARG002
        """Make sure that the engine has the processors and gives the GPUs."""
        from composer.runtimes.gpus import require_cpus, require_gpus

        if any(one.cpus for one in federation.started):
            require_cpus(federation.started, self.facts().cpus)
        require_gpus(federation.started)

    def start(
        self,
        manifest: Manifest,  # noqa: ARG002
        reporter: Reporter,
        dry_run: bool = False,
        remove_orphans: bool = True,
    ) -> None:
        """Have Compose create and start the containers.

        What it is given is kept before it is, beside what those that run were made from, so that the next run knows
        both even if this one is killed.
        """
        if not dry_run:
            self._keep()
        perform(docker.start(self._deployment, remove_orphans), reporter, dry_run)

    def start_only(self, manifest: Manifest, reporter: Reporter) -> None:
        """Have Compose create and start them, from its files as they are now."""
        services = [one.service for one in manifest.started]
        perform(docker.start_only(self._deployment, services), reporter, False)

    def stop_only(self, manifest: Manifest, reporter: Reporter, remain: bool) -> None:
        """Have Compose stop their containers.

        Docker starts a stopped one again after a reboot unless it has ended with 0: who is to stay down is removed.
        """
        services = [one.service for one in manifest.started]
        perform(docker.stop_only(self._deployment, services, remain), reporter, False)

    def jobs(self, manifest: Manifest) -> tuple[str, ...]:
        """Ask the server's container, or if it is not among them, each of theirs."""
        containers = docker.own_containers(self._engine, manifest, self._deployment)
        chosen = {one.name for one in manifest.started}
        return docker.running_jobs(
            self._engine, manifest, {name: one for name, one in containers.items() if name in chosen}
        )

    def watched(self, manifest: Manifest) -> Containers:
        """Return how the containers are seen to run, on the same engine."""
        from composer.runtimes.containers import Containers

        return Containers(manifest, self._deployment, lambda: self._engine, self._traces)

    def settle(self, manifest: Manifest) -> None:  # noqa: ARG002
        """Keep what was started alone: it is what the next start goes back to."""
        keep_started(self._deployment, read_started(self._deployment)[:1])

    def explain(self, error: BaseException, manifest: Manifest) -> BaseException:
        """Compose says what went wrong with one of them and not with which: the engine is asked, if it answers."""
        if not isinstance(error, CommandFailed):
            return error
        try:
            return self._found_cause(error, manifest)
        except ComposerError:
            return error

    def roll_back(self, manifest: Manifest, reporter: Reporter) -> None:  # noqa: ARG002
        """Remove the containers that were created, and bring back those that ran, as their Compose files had them."""
        self._remove_new(reporter)
        attempt(reporter, lambda: keep_started(self._deployment, self._kept))

    def stop(self, manifest: Manifest, reporter: Reporter, dry_run: bool) -> None:
        """Remove the containers, those under a former project's name, and processes that were left in the folder."""
        if supervised_services(self._deployment):
            from composer.runtimes.run_folder import LocalFolder, end_everybody

            perform(end_everybody(LocalFolder(self._deployment)), reporter, dry_run)
        containers = docker.own_containers(self._engine, manifest, self._deployment)
        for job in docker.running_jobs(self._engine, manifest, containers):
            reporter.warn(f"job {job} has not ended, and ends now without a result")
        former = docker.stop_former(self._engine, manifest, self._deployment)
        try:
            perform(docker.stop(self._deployment), reporter, dry_run)
        except CommandFailed:
            # A file that Compose reads may be missing or broken, which must keep nobody from stopping. Where it is the
            # engine that has failed, this fails, too.
            perform(docker.stop_project(manifest.compose_project), reporter, dry_run)
        for command in former:
            perform(command, reporter, dry_run)

    def occupants(self, manifest: Manifest) -> tuple[DockerOccupant, ...]:  # noqa: ARG002
        """Return the folder's containers."""
        return tuple(DockerOccupant(self._engine, one) for one in self._engine.containers_of(self._deployment))

    def leave(self, manifest: Manifest) -> None:
        """Have Compose remove the project; it needs no file for that."""
        run(docker.stop_project(manifest.compose_project), 60)

    def _keep(self) -> None:
        keep_started(self._deployment, self._with_former(dict(self._compose_files())))

    def _compose_files(self) -> Iterator[tuple[str, bytes]]:
        for name in self._sources:
            with contextlib.suppress(FileNotFoundError):
                yield name, (self._deployment / name).read_bytes()
        for path in sorted((self._deployment / PRIVATE).glob("*.env")):
            yield path.name, path.read_bytes()

    def _found_cause(self, error: CommandFailed, manifest: Manifest) -> ComposerError:
        containers = self._engine.containers_of(self._deployment)
        for container in containers:
            if container.state in ("created", "paused", "exited") and not container.one_off:
                reason = " ".join(self._engine.try_to_start(container.id).split())
                if reason:
                    return ComposerError(f"{container.participant} cannot be started: {reason}", error.hint)
        there = {container.participant for container in containers}
        refused = [participant.name for participant in manifest.started if participant.name not in there]
        if not refused:
            return error
        reason = error.last_line.removeprefix("Error response from daemon: ")
        return ComposerError(f"{' or '.join(refused)} cannot be started: {reason}", error.hint)

    def _remove_new(self, reporter: Reporter) -> None:
        if not self._containers:
            attempt(reporter, self._end_all)
            return
        there: list[Container] = []
        attempt(reporter, lambda: there.extend(self._engine.containers_of(self._deployment)))
        for container in there:
            if container.id not in self._containers:
                attempt(reporter, lambda gone=container.id: self._engine.remove(gone))  # type: ignore[misc]
        alive = {one.id for one in there if one.state in ALIVE}
        ended = [one for one in self._containers.values() if one.state in ALIVE and one.id not in alive]
        if ended and self._kept:
            attempt(reporter, lambda: self._bring_back(ended, reporter))
        elif ended:
            names = ", ".join(sorted(one.participant for one in ended))
            reporter.warn(f"{names} ran before and cannot be brought back: composer up")

    def _end_all(self) -> None:
        run(docker.stop(self._deployment))

    def _bring_back(self, ended: Sequence[Container], reporter: Reporter) -> None:
        for container in ended:
            self._engine.name_image(container.image_id, container.image)
        services, made_from = sorted({one.service for one in ended if not one.one_off}), self._versions()
        for number, version in enumerate(self._kept):
            of_it = [service for service in services if made_from.get(service, 0) == number]
            if of_it:
                with _laid_out(version) as files:
                    command = docker.start_again(self._deployment, files, of_it)
                    reporter.command(command_line(command))
                    run(command)

    def _with_former(self, coming: Mapping[str, bytes]) -> tuple[Mapping[str, bytes], ...]:
        return (coming, *(version for version in self._kept if version != coming))

    def _versions(self) -> Mapping[str, int]:
        """Return from which of the versions that are kept each service's container was made; nothing of those unknown.

        Compose is asked for its hash of each service only where there are several versions, since that takes its time.
        """
        found: dict[str, int] = {}
        for number, version in enumerate(self._kept if len(self._kept) > 1 else ()):
            with _laid_out(version) as files:
                hashes = docker.configurations(self._deployment, files)
            for one in self._containers.values():
                if hashes.get(one.service) == one.configuration:
                    found.setdefault(one.service, number)
        return found


def _composed(version: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return those files of a version that Compose is given; the others they name themselves."""
    return {name: version[name] for name in docker.COMPOSE_FILES if name in version}


@contextlib.contextmanager
def _laid_out(version: Mapping[str, bytes]) -> Iterator[list[Path]]:
    """Lend the files of a version to Compose."""
    with TemporaryDirectory(prefix="composer-") as folder:
        # Their values are those of then, too; in the deployment folder there are others by now.
        here = "".join(sign * 2 if sign == "$" else sign for sign in f'"{folder}/').encode()
        composed = _composed(version)
        for name, content in version.items():
            laid_out = content.replace(f'"./{PRIVATE}/'.encode(), here) if name in composed else content
            Path(folder, name).write_bytes(laid_out)
        yield [Path(folder, name) for name in composed]
