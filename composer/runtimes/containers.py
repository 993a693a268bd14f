"""A deployment as containers, behind the seam of :class:`composer.runtimes.Runtime`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.model.status import FederationStatus
from composer.runtimes import docker, observe
from composer.runtimes.admissions import ServerLog
from composer.runtimes.engine import Engine, connect
from composer.runtimes.engine_answers import Container
from composer.runtimes.listeners import listeners_there
from composer.runtimes.observe import Here, Traces
from composer.runtimes.view import View, merge
from composer.system.background import in_background


@dataclass(frozen=True)
class Containers:
    """What runs as containers on one host.

    Attributes:
        manifest: What the deployment says of that host's participants.
        deployment: The folder here that holds its Compose files.
        engine: Returns the host's engine, when it is needed.
        traces: How what the participants leave there is read; None: from this machine.
    """

    manifest: Manifest
    deployment: Path
    engine: Callable[[], Engine] = connect
    traces: Traces | None = None

    def observe(self, now: datetime) -> FederationStatus:
        """Look at every participant that ``up`` starts, once."""
        return merge(self.manifest.federation, [self.view(now)])

    def view(self, now: datetime) -> View:
        """Look at every participant of this host, once, and at whom a server there has."""
        return observe.view(self._engine, self.manifest, self.deployment, now, self._traces)

    def strangers(self) -> Mapping[str, str]:
        """Return who else listens on a participant's ports, asked in its container."""
        containers = self._containers()
        return {
            one.name: listeners_there(self._engine, one, containers.get(one.name))
            for one in self.manifest.started
            if one.listens
        }

    def examine(self, now: datetime, seen: FederationStatus | None = None) -> FederationStatus:
        """Observe, and find out what takes longer: why somebody is not well, and what is not as it was generated."""
        # Compose takes as long to read its files as it takes to reach the engine and to ask it.
        with in_background(self._configurations) as configurations:
            return observe.examine(
                self._engine, self.manifest, self.deployment, now, self._traces, configurations, seen
            )

    def unreachable(self, participant: DeployedParticipant) -> str:
        """Return why the other side of its connection does not answer as it must; empty if it does."""
        return self._traces.unreachable(participant, self._containers().get(participant.name))

    def last_log_line(self, name: str) -> str:
        """Return the last line that a participant itself wrote; empty where there is none."""
        return observe.last_log_line(self._engine, self._containers().get(name))

    def server_log(self) -> ServerLog:
        """Return the end of the server's log."""
        server = observe.server_of(self.manifest)
        return self._traces.server_log(server, self._containers().get(server.name))

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
        return docker.logs(self.deployment, services, follow, lines, since, colour, timestamps)

    def by_participant(self, line: str, services: Collection[str]) -> str:  # noqa: ARG002
        """Return a line of the logs with the service in front, without the container's number."""
        return docker.by_participant(line)

    def inside(self, service: str, argv: Sequence[str], terminal: bool) -> Command:
        """Return the command that runs a program in a participant's container, which must run."""
        return docker.inside(self.deployment, service, argv, terminal)

    def console(self, service: str) -> Command:
        """Return the command that runs an admin's console on a terminal."""
        return docker.console(self.deployment, service)

    def in_console(self, service: str, argv: Sequence[str], folder: Path, terminal: bool) -> Command:
        """Return the command that runs a program as an admin, in a folder that it sees under the same path.

        Raises:
            ComposerError: A container cannot be given that folder.
        """
        refuse_hiding(folder)
        return docker.in_console(self.deployment, service, argv, folder, terminal)

    def _configurations(self) -> Mapping[str, str]:
        return docker.configurations(self.deployment)

    @cached_property
    def _engine(self) -> Engine:
        return self.engine()

    @property
    def _traces(self) -> Traces:
        return self.traces or Here(self.deployment)

    def _containers(self) -> Mapping[str, Container]:
        return docker.own_containers(self._engine, self.manifest, self.deployment)


def refuse_hiding(folder: Path) -> None:
    """Make sure that a container sees all of its own when it is given a folder of the host.

    Raises:
        ComposerError: The folder would hide some of it.
    """
    hides = {Path(path) for path in ("/", "/opt", "/tmp", "/usr", "/etc", "/bin", "/lib", "/lib64", "/workspace")}  # noqa: S108
    if folder in hides or ":" in str(folder):
        raise ComposerError(
            f"a container cannot be given the folder {folder}", "run it in the folder that holds the job"
        )
