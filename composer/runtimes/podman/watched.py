"""A deployment as Podman's containers, behind the seam of :class:`composer.runtimes.Runtime`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.runtimes.containers import Containers, refuse_hiding
from composer.runtimes.podman import commands


@dataclass(frozen=True)
class PodmanContainers(Containers):
    """What runs as Podman's containers on this machine."""

    def logs(
        self,
        services: Sequence[str],
        follow: bool,
        lines: int | None,
        since: str | None,
        colour: bool,
        timestamps: bool = False,
    ) -> Command:
        """Return the command that prints the participants' logs, each line with its container's name."""
        wanted = services or [one.service for one in self.manifest.started]
        there = {one.service: one.name for one in self._containers().values()}
        found = [there[service] for service in wanted if service in there]
        if not found:
            raise ComposerError("there are no containers whose logs could be shown", "start them: composer up")
        return commands.logs(found, follow, lines, since, colour, timestamps)

    def by_participant(self, line: str, services: Collection[str]) -> str:
        """Return a line of the logs with the service in front; Podman names a container where there are several."""
        name, _, rest = line.partition(" ")
        service = name.removeprefix(f"{self.manifest.compose_project}-")
        if len(services) == 1:
            service, rest = next(iter(services)), line
        return f"{service.ljust(max(map(len, services)))} | {rest}" if service in services else line

    def inside(self, service: str, argv: Sequence[str], terminal: bool) -> Command:
        """Return the command that runs a program in a participant's container, which must run."""
        return commands.inside(self._services()[service].container, argv, terminal)

    def console(self, service: str) -> Command:
        """Return the command that runs an admin's console on a terminal."""
        return self._services()[service].run_once(("--tty",), ())

    def in_console(self, service: str, argv: Sequence[str], folder: Path, terminal: bool) -> Command:
        """Return the command that runs a program as an admin, in a folder that it sees under the same path.

        Raises:
            ComposerError: A container cannot be given that folder.
        """
        refuse_hiding(folder)
        options = (*commands.in_folder(folder), *(["--tty"] if terminal else []))
        return self._services()[service].run_once(options, argv)

    def _services(self) -> Mapping[str, commands.Service]:
        return commands.read_services(self.deployment)

    def _configurations(self) -> Mapping[str, str]:
        try:
            return {name: one.configuration for name, one in self._services().items()}
        except ComposerError:
            return {}
