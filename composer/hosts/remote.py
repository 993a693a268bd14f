"""A host behind SSH: its connection, and what lies in the federation's folder there."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from composer.deployment.layout import is_same_folder
from composer.deployment.manifest import Manifest
from composer.hosts.connected import ConnectedHost
from composer.hosts.delivery import Found, is_of_another, keys_missing, look, remove
from composer.hosts.reporter import HostReporter
from composer.hosts.run_folder import RemoteFolder
from composer.hosts.ssh import Connection, connection
from composer.hosts.traces import There
from composer.model.errors import ComposerError, HostError
from composer.model.host import Host
from composer.model.reporter import Reporter, some_of
from composer.render.remote import USER_VARIABLES, host_folder
from composer.runtimes import docker
from composer.runtimes.engine import Engine, connect
from composer.runtimes.lifecycle import Lifecycle, lifecycle_of, other_runtimes
from composer.system.foreign_text import clip, escape_line
from composer.system.process import surroundings


@dataclass(frozen=True)
class RemoteHost(ConnectedHost):
    """A host that is not this machine.

    Attributes:
        connection: To it.
        found: What a look at it has found.
        others: How those are stopped that run there in another way than its participants are to.
    """

    connection: Connection
    found: Found
    others: tuple[Lifecycle, ...]

    def entered(self) -> contextlib.AbstractContextManager[None]:
        """Let Docker's commands that this thread starts meanwhile go to its engine."""
        user = self.found.user
        numbers = dict(zip(USER_VARIABLES, (str(user.uid), str(user.gid)), strict=True))
        return surroundings({"DOCKER_HOST": self.connection.docker_host, "DOCKER_CONTEXT": None, **numbers})

    def reporter(self, reporter: Reporter) -> Reporter:
        """Return what says to ``reporter`` that it is about this host, and how it is reached."""
        return HostReporter(self.name, f"ssh {self.connection.host.endpoint}", reporter)

    def require_room(self, running: Collection[str]) -> None:
        """Make sure that the folder there is this deployment's, and that nobody else has the ports.

        Raises:
            HostError: It is another's, or somebody has.
        """
        path = self.connection.host.path
        if is_of_another(self.found, self.deployment):
            raise HostError(
                f"{self.name}: what is in {path} was delivered by another deployment",
                f"name another folder in composer.yml, hosts.{self.name}.path; or, if that deployment is gone or "
                f"was moved, take the line of .deployment out of {path}/SHA256SUMS there",
            )
        for participant in self.manifest.started:
            for port in participant.listens if participant.name not in running else ():
                if port in self.found.listening:
                    raise HostError(
                        f"port {port} of {participant.name} is taken on {self.name}",
                        f"see by whom with: ss -ltnp 'sport = :{port}' there, and stop that",
                    )

    def refuse_other_runtime(self) -> None:
        """Make sure that nobody runs there in another way, whom a start would run into."""
        if names := self.found.otherwise:
            raise HostError(
                f"{self.name}: {some_of(names)} {'runs' if len(names) == 1 else 'run'} there in another way than "
                f"runtime: {self.connection.host.runtime}, which composer.yml says",
                "stop that first: composer down",
            )

    def end_others(self) -> None:
        """Stop those, whatever has brought it about."""
        for lifecycle in self.others:
            lifecycle.leave(self.manifest)

    def stale(self, manifest: Manifest) -> tuple[str, ...]:  # noqa: ARG002
        """Return the names of its participants whose virtual environments it has not."""
        return self.lifecycle.stale(self.manifest)

    def keys(self) -> tuple[str, ...]:
        """Return the names of the participants whose private keys it has not got yet."""
        return tuple(one.name for one in self.manifest.participants if keys_missing(one, self.found))

    def drift(self, service: str) -> str:
        """Return what of a participant's files is not as it was delivered."""
        own = (f"kits/{service}/", f"local/{service}/")
        changed = [path for path in self.found.tampered if path.startswith(own)]
        return f"{clip(some_of(changed))} was changed on {self.name}" if changed else ""

    def belongs_to_another(self) -> str:
        """Return why what runs there, and lies in its folder, is left alone; empty where it is this deployment's."""
        return self._left_to("another deployment") if is_of_another(self.found, self.deployment) else ""

    def _left_to(self, owner: str) -> str:
        return f"nothing was stopped or deleted there: {self.connection.host.path.name} belongs to {owner}"

    def clear(self, reporter: Reporter) -> None:
        """Delete what was brought there; what it has of its own stays."""
        remove(self.connection, self.reporter(reporter).warn)


@dataclass(frozen=True)
class EngineHost(RemoteHost):
    """A host whose participants run as containers.

    Attributes:
        engine: Its Docker engine.
    """

    engine: Engine

    def reporter(self, reporter: Reporter) -> Reporter:
        """Return what says to ``reporter`` that it is about this host, and how its engine is reached."""
        return HostReporter(self.name, f"DOCKER_HOST={self.connection.host.endpoint}", reporter)

    def stale(self, manifest: Manifest) -> tuple[str, ...]:  # noqa: ARG002
        """Return the names of its participants whose images it has not, or not as they should be."""
        there = self.engine.built_images()
        return tuple(
            one.name
            for one in self.manifest.participants
            if one.image not in there or there[one.image].inputs != one.inputs
        )

    def by_participant(self, line: str, services: Collection[str]) -> str:
        """Return a line of the logs of some services; one that bears the name of none of them is the host's own."""
        return docker.by_participant_of(self.name, services, line)

    def belongs_to_another(self) -> str:
        """Return why what runs there is left alone; containers say themselves whose they are."""
        containers = self.engine.containers(self.connection.host.path.name)
        foreign = sorted(
            {
                one.deployment or "something else"
                for one in containers
                if not is_same_folder(one.deployment, self.deployment)
            }
        )
        return self._left_to(clip(escape_line(foreign[0]), 200)) if foreign else super().belongs_to_another()

    def clear(self, reporter: Reporter) -> None:
        """Delete the images of this federation, of earlier versions and under a registry's name, too, and its files."""
        for tag in self.engine.built_images():
            if PurePosixPath(tag).parent.name == self.manifest.compose_project:
                self.engine.remove_image(tag)
        self.engine.remove_untagged()
        super().clear(reporter)


class _Reached:
    """A host that is connected (a :class:`composer.runtimes.lifecycle.Elsewhere`)."""

    def __init__(self, opened: Connection, server: str) -> None:
        self._opened, self._server = opened, server
        self.asked: Engine | None = None

    def engine(self) -> Engine:
        self.asked = self.asked or engine_of(self._opened)
        return self.asked

    def traces(self) -> There:
        return There(self.engine())

    def run_folder(self) -> RemoteFolder:
        return RemoteFolder(self._opened, self._server)


@contextlib.contextmanager
def connect_remote(host: Host, manifest: Manifest, deployment: Path) -> Iterator[RemoteHost]:
    """Connect to a host for the time of the block.

    Args:
        host: Which one.
        manifest: What the deployment says of that host's participants.
        deployment: The deployment folder here.

    Raises:
        HostError: It cannot be reached, lacks what is needed there, or its engine does not answer.
    """
    name, folder = host.name, host_folder(deployment, host.name)
    with connection(host) as opened:
        found = look(opened)
        server = next((one.service for one in manifest.started if one.type == "server"), "")
        reached = _Reached(opened, server)
        lifecycle = lifecycle_of(host.runtime, folder, reached)
        engine = reached.asked
        names = other_runtimes(host.runtime, elsewhere=True) if found.otherwise else ()
        others = tuple(lifecycle_of(other, folder, reached) for other in names)
        if engine:
            yield EngineHost(name, lifecycle, manifest, folder, opened, found, others, engine)
        else:
            yield RemoteHost(name, lifecycle, manifest, folder, opened, found, others)


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
