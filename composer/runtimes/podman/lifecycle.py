"""Starts and stops Podman's containers, by its own commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from composer.deployment.layout import RUN_FILE
from composer.model.errors import ComposerError
from composer.render.podman import container_name
from composer.runtimes import docker
from composer.runtimes.docker_lifecycle import DockerLifecycle
from composer.runtimes.engine import Engine
from composer.runtimes.engine_answers import Container
from composer.runtimes.occupant import DockerOccupant
from composer.runtimes.podman import commands
from composer.runtimes.podman.build import PodmanBuilder
from composer.runtimes.podman.service import connect, require_podman
from composer.system.process import command_line, perform, run

if TYPE_CHECKING:
    from composer.deployment.manifest import Manifest
    from composer.model.federation import Federation
    from composer.model.finding import Finding
    from composer.model.reporter import Reporter
    from composer.runtimes.podman.watched import PodmanContainers

_SECONDS = 60.0


class PodmanLifecycle(DockerLifecycle):
    """The containers of a deployment folder (a :class:`composer.runtimes.lifecycle.Lifecycle`).

    Podman has no Compose of its own: who is started anew, and in which order, is decided here.
    """

    _sources = (RUN_FILE,)

    def require_tools(self) -> None:
        """Make sure that Podman is there."""
        require_podman()

    def tools(self) -> Mapping[str, Callable[[], object]]:
        """Return what makes sure that Podman is there."""
        return {"PODMAN": require_podman}

    def examine(self) -> Sequence[Finding]:
        """Ask Podman what it has for containers of this user."""
        from composer.runtimes.podman.machine import examine

        return examine()

    def changes(self, manifest: Manifest, files: Mapping[str, bytes]) -> Mapping[str, str]:
        """Compare what the containers say that they were made from with what they are about to be started from."""
        coming = commands.parse_services(files[RUN_FILE]) if RUN_FILE in files else {}
        made_from = {one.service: one.configuration for one in self._containers.values() if not one.one_off}
        return {
            one.name: "its settings have changed"
            for one in manifest.started
            if one.service in coming and made_from.get(one.service) != coming[one.service].configuration
        }

    def find_locks(self, federation: Federation, manifest: Manifest, reporter: Reporter) -> dict[str, str]:
        """Find out what pip would install into those images that are about to be built."""
        from composer.images.building import find_locks, waiting_services

        waiting = waiting_services(self._engine, manifest, self._deployment)
        return find_locks(federation, waiting, reporter, PodmanBuilder)

    def build(
        self, federation: Federation, manifest: Manifest, reporter: Reporter, offline: bool, dry_run: bool
    ) -> tuple[str, ...]:
        """Build the images that are missing or stale."""
        from composer.images.building import build_stale

        built = manifest.built_here
        return build_stale(self._engine, federation, built, reporter, offline, dry_run, choose_builder=PodmanBuilder)

    def pull(self, manifest: Manifest, reporter: Reporter, dry_run: bool) -> None:
        """Pull the images that come from a registry."""
        from composer.images.registry import pull_stale

        pull_stale(self._engine, manifest.from_registry, self._deployment, reporter, dry_run)

    def require_ready(self, federation: Federation, reporter: Reporter) -> None:
        """Say nothing: GPUs are CDI devices, and Podman names the one that is missing."""

    def start(
        self,
        manifest: Manifest,
        reporter: Reporter,
        dry_run: bool = False,
        remove_orphans: bool = True,
    ) -> None:
        """Create and start the containers that do not run, or run from something else, and remove all others.

        What they are made from is kept as :meth:`DockerLifecycle.start` does.
        """
        if not dry_run:
            self._keep()
        elif not (self._deployment / RUN_FILE).exists():
            for participant in manifest.started:
                name = container_name(manifest.compose_project, participant.service)
                reporter.command(command_line(commands.outline(name, participant.image)))
            return
        services = commands.read_services(self._deployment)
        there = self._there(manifest)
        orphans = [one.name for name, one in there.items() if name not in services]
        if orphans and remove_orphans:
            perform(commands.remove(orphans), reporter, dry_run)
        self._converge([one for one in services.values() if not one.by_hand], there, reporter, dry_run)

    def start_only(self, manifest: Manifest, reporter: Reporter) -> None:
        """Create and start their containers, from containers.json as it is now."""
        services = commands.read_services(self._deployment)
        chosen = {one.service for one in manifest.started}
        self._converge([services[name] for name in services if name in chosen], self._there(manifest), reporter, False)

    def stop_only(self, manifest: Manifest, reporter: Reporter, remain: bool) -> None:
        """Stop their containers; who is not started again at once is removed."""
        chosen = {one.service for one in manifest.started}
        if names := [one.name for name, one in self._there(manifest).items() if name in chosen]:
            perform(commands.stop(names) if remain else commands.remove(names), reporter, False)

    def watched(self, manifest: Manifest) -> PodmanContainers:
        """Return how the containers are seen to run."""
        from composer.runtimes.podman.watched import PodmanContainers

        return PodmanContainers(manifest, self._deployment, lambda: self._engine, self._traces)

    def stop(self, manifest: Manifest, reporter: Reporter, dry_run: bool) -> None:
        """Remove the containers, under whatever project's name."""
        containers = docker.own_containers(self._engine, manifest, self._deployment)
        for job in docker.running_jobs(self._engine, manifest, containers):
            reporter.warn(f"job {job} has not ended, and ends now without a result")
        if names := [one.name for one in self._engine.containers_of(self._deployment)]:
            perform(commands.remove(names), reporter, dry_run)

    def occupants(self, manifest: Manifest) -> tuple[PodmanOccupant, ...]:  # noqa: ARG002
        """Return the folder's containers."""
        return tuple(PodmanOccupant(self._engine, one) for one in self._engine.containers_of(self._deployment))

    def leave(self, manifest: Manifest) -> None:
        """Remove the project's containers."""
        if names := [one.name for one in self._engine.containers(manifest.compose_project)]:
            run(commands.remove(names), _SECONDS)

    def _connect(self) -> Engine:
        return connect()

    def _there(self, manifest: Manifest) -> dict[str, Container]:
        found = self._engine.containers(manifest.compose_project)
        # Refused where they are somebody else's.
        docker.own_containers(self._engine, manifest, self._deployment, {one.id: one for one in found})
        return {one.service: one for one in found if not one.one_off}

    def _converge(
        self,
        services: Sequence[commands.Service],
        there: Mapping[str, Container],
        reporter: Reporter,
        dry_run: bool,
    ) -> None:
        images = {tag: one.id for tag, one in self._engine.built_images().items()}
        fresh = {
            one.name
            for one in services
            if (found := there.get(one.name))
            and found.configuration == one.configuration
            and found.image_id == images.get(one.image, found.image_id)
        }
        # All that are made anew end at once, and not one after the other.
        if stale := [there[one.name].name for one in services if one.name in there and one.name not in fresh]:
            perform(commands.remove(stale), reporter, dry_run)
        for one in services:
            if one.name not in fresh:
                perform(one.run(), reporter, dry_run)
            elif there[one.name].state not in ("running", "restarting", "paused"):
                perform(commands.start([one.container]), reporter, dry_run)

    def _end_all(self) -> None:
        if names := [one.name for one in self._engine.containers_of(self._deployment)]:
            run(commands.remove(names))

    def _versions(self) -> Mapping[str, int]:
        """Return from which of the versions that are kept each service's container was made."""
        found: dict[str, int] = {}
        for number, version in enumerate(self._kept):
            services = commands.parse_services(version[RUN_FILE]) if RUN_FILE in version else {}
            for one in self._containers.values():
                if one.service in services and services[one.service].configuration == one.configuration:
                    found.setdefault(one.service, number)
        return found

    def _bring_back(self, ended: Sequence[Container], reporter: Reporter) -> None:
        for container in ended:
            self._engine.name_image(container.image_id, container.image)
        wanted, made_from = {one.service for one in ended if not one.one_off}, self._versions()
        for number, version in enumerate(self._kept):
            for service in commands.parse_services(version[RUN_FILE]).values() if RUN_FILE in version else ():
                if service.name in wanted and made_from.get(service.name, 0) == number:
                    perform(service.run(), reporter)


@dataclass(frozen=True)
class PodmanOccupant(DockerOccupant):
    """A participant that runs as Podman's container (a :class:`composer.runtimes.lifecycle.Occupant`)."""

    def stop(self) -> None:
        """End it, and keep it."""
        run(commands.stop([self.container.id]), _SECONDS)


def require_here(elsewhere: object) -> None:
    """Make sure that participants are to run on this machine.

    Raises:
        ComposerError: They are to run on another.
    """
    if elsewhere is not None:
        raise ComposerError(
            "participants on other hosts cannot run under Podman yet", "use runtime: docker or process for that host"
        )
