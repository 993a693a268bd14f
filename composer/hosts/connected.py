"""The hosts that a deployment runs on, this machine among them: each connected, with the part that runs there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from composer.deployment.manifest import Manifest
from composer.hosts.parallel import failure_of, on_each
from composer.model.errors import ComposerError, HostError
from composer.model.kinds import LOCAL
from composer.model.reporter import Reporter
from composer.runtimes import Runtime
from composer.runtimes.lifecycle import Lifecycle, lifecycle_of

if TYPE_CHECKING:
    from composer.hosts.remote import EngineHost, RemoteHost

T = TypeVar("T")
H = TypeVar("H", bound="ConnectedHost")


@dataclass(frozen=True)
class ConnectedHost:
    """A host and the part of a deployment that runs there: this machine, or another (:class:`RemoteHost`).

    Attributes:
        name: The host's; LOCAL is this machine.
        lifecycle: How participants are started and stopped there.
        manifest: What the deployment says of its participants alone.
        deployment: The folder here that holds what starts them.
        alone: There is no other host: nobody need be told which one is meant.
    """

    name: str
    lifecycle: Lifecycle
    manifest: Manifest
    deployment: Path
    alone: bool = field(default=False, kw_only=True)

    @property
    def runtime(self) -> Runtime:
        """How the participants are seen to run there."""
        return self.lifecycle.watched(self.manifest)

    def entered(self) -> contextlib.AbstractContextManager[None]:
        """Let Docker's commands that this thread starts meanwhile go to its engine."""
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Put the host's name in front of what goes wrong meanwhile."""
        try:
            yield
        except ComposerError as error:
            # What another host's connection says has its name already.
            if not self.alone and not isinstance(error, HostError):
                error.message = f"{self.name}: {error.message}"
            raise

    def reporter(self, reporter: Reporter) -> Reporter:
        """Return what says to ``reporter`` that it is about this host."""
        if self.alone:
            return reporter
        from composer.hosts.reporter import HostReporter

        return HostReporter(self.name, "", reporter)

    def require_room(self, running: Collection[str]) -> None:
        """Make sure that the participants have the folder and the ports that they need, but for who runs already.

        Raises:
            ComposerError: Somebody else has them.
        """
        from composer.runtimes.ports import require_free_ports

        require_free_ports(self.manifest, running)

    def refuse_other_runtime(self) -> None:
        """Make sure that nobody runs there in another way; of this machine that is known by then."""

    def end_others(self) -> None:
        """Stop who runs there in another way; on this machine, that is the lifecycle's."""

    def stale(self, manifest: Manifest) -> tuple[str, ...]:
        """Return the names of those of a deployment whose images, or virtual environments, are to be made here."""
        from composer.runtimes.makers import Makers

        return Makers(self.deployment, self.lifecycle).stale(manifest)

    def keys(self) -> tuple[str, ...]:
        """Return the names of the participants whose private keys leave this machine: those here stay here."""
        return ()

    def by_participant(self, line: str, services: Collection[str]) -> str:
        """Return a line of the logs of some services with the name of who wrote it in front."""
        return self.runtime.by_participant(line, services)

    def drift(self, service: str) -> str:  # noqa: ARG002
        """Return what of a participant is not as it was delivered; empty where all is."""
        return ""

    def clear(self, reporter: Reporter) -> None:
        """Delete what was brought there; what lies here goes with the deployment folder."""


@dataclass
class ConnectedHosts:
    """All of a deployment's.

    Attributes:
        manifest: What the deployment says of itself.
        deployment: Its folder.
        connected: Those that can do their part, by name.
        unreachable: Why the others cannot.
    """

    manifest: Manifest
    deployment: Path
    connected: dict[str, ConnectedHost] = field(default_factory=dict)
    unreachable: dict[str, ComposerError] = field(default_factory=dict)

    @property
    def remote(self) -> tuple[RemoteHost, ...]:
        """Those that are not this machine."""
        return tuple(cast("RemoteHost", host) for name, host in self.connected.items() if name != LOCAL)

    @property
    def with_engines(self) -> tuple[EngineHost, ...]:
        """Those that are not this machine, and whose participants run as containers."""
        from composer.hosts.remote import EngineHost

        return tuple(host for host in self.remote if isinstance(host, EngineHost))

    @property
    def busy(self) -> tuple[ConnectedHost, ...]:
        """Those on which participants are started."""
        return tuple(host for host in self.connected.values() if host.manifest.started)

    def each(self, work: Callable[[ConnectedHost], T], seconds: float | None = None) -> dict[str, T | ComposerError]:
        """Return what :func:`each_of` returns of all that are connected."""
        return each_of(tuple(self.connected.values()), work, seconds)

    def drop(self, outcomes: Mapping[str, object]) -> None:
        """Count those among what :meth:`each` returned that went wrong as unreachable from now on."""
        for name, outcome in outcomes.items():
            if isinstance(outcome, ComposerError):
                self.unreachable[name] = outcome
                self.connected.pop(name, None)

    def failure(self) -> ComposerError:
        """Return what went wrong on those that are unreachable."""
        return failure_of(self.unreachable)

    def adopt(self, manifest: Manifest) -> None:
        """From now on, go by what the deployment says of itself now."""
        self.manifest = manifest
        self.connected = {name: replace(one, manifest=manifest.on(name)) for name, one in self.connected.items()}


def each_of(hosts: Sequence[H], work: Callable[[H], T], seconds: float | None = None) -> dict[str, T | ComposerError]:
    """Return what ``work`` makes of each host, all at once, or what went wrong, by name.

    Args:
        hosts: Which.
        work: What is to be done for one.
        seconds: As for :func:`composer.hosts.parallel.on_each`.
    """
    by_name = {host.name: host for host in hosts}
    return on_each(tuple(by_name), lambda name: work(by_name[name]), seconds)


@contextlib.contextmanager
def connect_hosts(
    manifest: Manifest,
    deployment: Path,
    lifecycle: Lifecycle | None = None,
    seconds: float | None = None,
    names: Sequence[str] | None = None,
) -> Iterator[ConnectedHosts]:
    """Connect to the hosts of a deployment for the time of the block.

    Args:
        manifest: What the deployment says of itself.
        deployment: The deployment folder.
        lifecycle: How participants are started and stopped on this machine; None: what the manifest's runtime needs.
        seconds: Another host that has not answered by then counts as unreachable.
        names: Only these; None: those that somebody runs on.
    """
    used = (participant.host for participant in manifest.participants)
    wanted = tuple(dict.fromkeys(used if names is None else names))
    alone = not manifest.hosts
    with ExitStack() as stack:
        hosts = ConnectedHosts(manifest, deployment)

        def connect(name: str) -> ConnectedHost:
            if name == LOCAL:
                own = lifecycle or lifecycle_of(manifest.runtime, deployment)
                return ConnectedHost(LOCAL, own, manifest.on(LOCAL), deployment, alone=alone)
            from composer.hosts.remote import connect_remote

            host = next(one for one in manifest.hosts if one.name == name)
            return stack.enter_context(connect_remote(host, manifest.on(name), deployment))

        for name, outcome in on_each(wanted, connect, seconds).items():
            if isinstance(outcome, ComposerError):
                hosts.unreachable[name] = outcome
            else:
                hosts.connected[name] = outcome
        yield hosts
