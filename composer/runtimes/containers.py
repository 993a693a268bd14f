"""A deployment as containers, behind the seam of :class:`composer.runtimes.Runtime`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.model import Command
from composer.model.errors import ComposerError
from composer.model.status import FederationStatus
from composer.runtimes import docker, observe
from composer.runtimes.engine import Engine, connect
from composer.system.background import in_background


@dataclass(frozen=True)
class Containers:
    """A deployment of ``runtime: docker``; without an engine, this machine's is asked when it is needed."""

    manifest: Manifest
    deployment: Path
    engine: Engine | None = None

    @cached_property
    def _engine(self) -> Engine:
        return self.engine or connect()

    def observe(self, now: datetime) -> FederationStatus:
        """Look at every participant that ``up`` starts, once."""
        return observe.observe(self._engine, self.manifest, self.deployment, now)

    def examine(self, now: datetime) -> FederationStatus:
        """Observe, and find out what takes longer: why somebody is not well, and what is not as it was generated."""
        # Compose takes as long to read its files as it takes to reach the engine and to ask it.
        with in_background(lambda: observe.configurations(self.deployment)) as configurations:
            return observe.examine(self._engine, self.manifest, self.deployment, now, configurations)

    def unreachable(self, participant: DeployedParticipant) -> str:
        """Return why the other side of its connection does not answer as it must; empty if it does."""
        return observe.unreachable(participant)

    def last_log_line(self, name: str) -> str:
        """Return the last line that a participant itself wrote; empty where there is none."""
        containers = docker.own_containers(self._engine, self.manifest, self.deployment)
        return observe.last_log_line(self._engine, containers.get(name))

    def logs(
        self, services: Sequence[str], follow: bool, lines: int | None, since: str | None, colour: bool
    ) -> Command:
        """Return the command that prints the participants' logs, each line with its container's name."""
        return docker.logs(self.deployment, services, follow, lines, since, colour)

    def by_participant(self, line: str) -> str:
        """Return a line of the logs with the service in front, without the container's number."""
        return docker.by_participant(line)

    def console(self, service: str) -> Command:
        """Return the command that runs an admin's console on a terminal."""
        return docker.console(self.deployment, service)

    def in_console(self, service: str, argv: Sequence[str], folder: Path, terminal: bool) -> Command:
        """Return the command that runs a program as an admin, in a folder that it sees under the same path.

        Raises:
            ComposerError: A container cannot be given that folder.
        """
        _refuse_hiding(folder)
        return docker.in_console(self.deployment, service, argv, folder, terminal)


def _refuse_hiding(folder: Path) -> None:
    hides = {Path(path) for path in ("/", "/opt", "/tmp", "/usr", "/etc", "/bin", "/lib", "/lib64", "/workspace")}  # noqa: S108
    if folder in hides or ":" in str(folder):
        raise ComposerError(
            f"a container cannot be given the folder {folder}", "run it in the folder that holds the job"
        )
