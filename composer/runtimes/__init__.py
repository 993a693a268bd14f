"""Each way in which a deployment runs, behind one seam: as containers or as plain processes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.model.nearest import nearest
from composer.model.reporter import some_of
from composer.model.status import FederationStatus
from composer.runtimes.view import View

if TYPE_CHECKING:
    from composer.runtimes.admissions import ServerLog


class Watched(Protocol):
    """What is waited for: a :class:`Runtime`, or what runs on several hosts."""

    @property
    def manifest(self) -> Manifest:
        """What was generated."""

    @property
    def deployment(self) -> Path:
        """The deployment folder."""

    def observe(self, now: datetime) -> FederationStatus:
        """Look at every participant that ``up`` starts, once."""

    def unreachable(self, participant: DeployedParticipant) -> str:
        """Return why the other side of its connection does not answer as it must; empty if it does."""

    def last_log_line(self, name: str) -> str:
        """Return the last line that a participant itself wrote; empty where there is none."""


class Runtime(Watched, Protocol):
    """How what runs on one host is seen to run, and the commands that show it."""

    def view(self, now: datetime) -> View:
        """Look at every participant of this host, once, and at whom a server there has."""

    def strangers(self) -> Mapping[str, str]:
        """Return who else listens on a participant's ports, by participant; empty words where nobody does."""

    def examine(self, now: datetime, seen: FederationStatus | None = None) -> FederationStatus:
        """Observe, and find out what takes longer: why somebody is not well.

        Args:
            now: The time.
            seen: What was observed just now; None: nothing was.
        """

    def server_log(self) -> ServerLog:
        """Return the end of the log of the server that runs on this host.

        Raises:
            OSError: There is none.
        """

    def logs(
        self,
        services: Sequence[str],
        follow: bool,
        lines: int | None,
        since: str | None,
        colour: bool,
        timestamps: bool = False,
    ) -> Command:
        """Return the command that prints the participants' logs, each line with who wrote it in front."""

    def by_participant(self, line: str, services: Collection[str]) -> str:
        """Return a line of the logs of these services with the participant's name in front."""

    def inside(self, service: str, argv: Sequence[str], terminal: bool) -> Command:
        """Return the command that runs a program where a participant runs: with its files, names and Python."""

    def console(self, service: str) -> Command:
        """Return the command that runs an admin's console on a terminal."""

    def in_console(self, service: str, argv: Sequence[str], folder: Path, terminal: bool) -> Command:
        """Return the command that runs a program as an admin, in a folder that it may write to."""


def runtime_of(manifest: Manifest, deployment: Path) -> Runtime:
    """Return what runs a deployment."""
    if manifest.runtime == "process":
        from composer.runtimes.process import Processes
        from composer.runtimes.run_folder import LocalFolder

        return Processes(manifest, deployment, LocalFolder(deployment))
    if manifest.runtime == "podman":
        from composer.runtimes.podman.service import connect
        from composer.runtimes.podman.watched import PodmanContainers

        return PodmanContainers(manifest, deployment, connect)
    from composer.runtimes.containers import Containers

    return Containers(manifest, deployment)


def services(manifest: Manifest, names: Iterable[str]) -> tuple[str, ...]:
    """Return the services of the participants ``names``.

    Raises:
        ComposerError: One of them is not in this deployment.
    """
    known = {participant.name: participant.service for participant in manifest.participants}
    missing = next((name for name in names if name not in known), None)
    if missing is not None:
        near = nearest(missing, known)
        hint = f"did you mean {near}?" if near else f"there are {some_of(tuple(known), 12)}"
        raise ComposerError(f"no participant is called {missing}", hint)
    return tuple(known[name] for name in names)
