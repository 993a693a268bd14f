"""The machines that a deployment runs on, this one among them, each with its engine and the part that runs there."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from composer.deployment.manifest import Manifest
from composer.hosts.delivery import Found, look
from composer.hosts.parallel import on_each
from composer.hosts.reporter import HostReporter
from composer.hosts.ssh import Connection, HostError, connection
from composer.hosts.traces import There
from composer.model.errors import ComposerError
from composer.model.kinds import LOCAL
from composer.model.reporter import Reporter
from composer.render.far import USER_VARIABLES, host_folder
from composer.runtimes import Runtime
from composer.runtimes.docker_lifecycle import DockerLifecycle
from composer.runtimes.engine import Engine, connect
from composer.runtimes.lifecycle import Lifecycle
from composer.system.process import surroundings


@dataclass(frozen=True)
class Place:
    """A machine and the part of a deployment that runs there.

    Attributes:
        name: The host's; LOCAL is this machine.
        lifecycle: How participants are started and stopped there.
        engine: Its Docker engine.
        manifest: What the deployment says of its participants alone.
        deployment: The folder here that holds its Compose files.
        connection: To it; None: it is this machine.
        found: What a look at it has found; None: it is this machine.
    """

    name: str
    lifecycle: Lifecycle
    engine: Engine
    manifest: Manifest
    deployment: Path
    connection: Connection | None = None
    found: Found | None = None

    @property
    def runtime(self) -> Runtime:
        """How the participants are seen to run there."""
        return self.lifecycle.watched(self.manifest)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Let Docker's commands that this thread starts meanwhile go to its engine."""
        with surroundings(self.environment):
            yield

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Put the host's name in front of what goes wrong meanwhile."""
        try:
            yield
        except ComposerError as error:
            error.message = f"{self.name}: {error.message}"
            raise

    def told(self, reporter: Reporter) -> HostReporter:
        """Return what says to ``reporter`` that it is about this machine."""
        return HostReporter(self.name, self.connection.host.endpoint if self.connection else "", reporter)

    @property
    def environment(self) -> Mapping[str, str | None]:
        """What Docker's commands need in their environment to go to its engine."""
        if self.connection is None or self.found is None:
            return {}
        user = self.found.user
        numbers = dict(zip(USER_VARIABLES, (str(user.uid), str(user.gid)), strict=True))
        return {"DOCKER_HOST": self.connection.docker_host, "DOCKER_CONTEXT": None, **numbers}


@dataclass
class Places:
    """Those that could be reached, and why the others could not, by name."""

    reached: dict[str, Place]
    away: dict[str, ComposerError] = field(default_factory=dict)

    @property
    def far(self) -> tuple[Place, ...]:
        """Those that are not this machine."""
        return tuple(place for place in self.reached.values() if place.connection)

    def drop(self, outcomes: Mapping[str, object]) -> None:
        """Count those among what :func:`on_each` returned that went wrong as away from now on."""
        for name, outcome in outcomes.items():
            if isinstance(outcome, ComposerError):
                self.away[name] = outcome
                del self.reached[name]


def engine_of(opened: Connection) -> Engine:
    """Return the engine of the host that a connection leads to.

    Raises:
        HostError: It does not answer.
    """
    try:
        return connect(opened.docker_host)
    except ComposerError as error:
        raise HostError(
            f"{opened.host.name}: its Docker engine does not answer",
            f"see there what `docker info` says ({opened.host.endpoint})",
        ) from error


@contextlib.contextmanager
def places(
    manifest: Manifest, deployment: Path, seconds: float | None = None, names: Sequence[str] | None = None
) -> Iterator[Places]:
    """Lend connections to all machines of a deployment.

    Args:
        manifest: What the deployment says of itself.
        deployment: The deployment folder.
        seconds: A machine that has not answered by then counts as away.
        names: Only these.
    """
    hosts = {host.name: host for host in manifest.hosts}
    used = dict.fromkeys(participant.host for participant in manifest.participants)
    wanted = [name for name in used if names is None or name in names]
    stack = ExitStack()
    deadline = time.monotonic() + seconds if seconds else None

    def reach(name: str) -> Place:
        if name == LOCAL:
            engine = connect()
            return Place(LOCAL, DockerLifecycle(deployment, engine), engine, manifest.on(LOCAL), deployment)
        opened = stack.enter_context(connection(hosts[name]))
        found, engine, folder = look(opened), engine_of(opened), host_folder(deployment, name)
        lifecycle = DockerLifecycle(folder, engine, There(engine))
        return Place(name, lifecycle, engine, manifest.on(name), folder, opened, found)

    with stack:
        opened = Places({})
        for name, outcome in on_each(wanted, reach, deadline and deadline - time.monotonic()).items():
            if isinstance(outcome, ComposerError):
                opened.away[name] = outcome
            else:
                opened.reached[name] = outcome
        yield opened
