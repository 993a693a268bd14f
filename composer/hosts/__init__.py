"""Where participants run: on this machine, or on several. Nothing above this room asks which it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.model.federation import Federation
from composer.model.reporter import Reporter
from composer.model.status import FederationStatus, ImageStatus

if TYPE_CHECKING:
    from composer.runtimes.lifecycle import Lifecycle


@dataclass(frozen=True)
class LogQuery:
    """What of the participants' logs is read.

    Attributes:
        names: Whose; empty: everybody's.
        follow: Go on with what comes.
        lines: Only so many of the last lines of each; None: all.
        since: Only from this moment on, as Docker takes it; None: from the beginning.
        colour: Keep colours.
    """

    names: tuple[str, ...] = ()
    follow: bool = False
    lines: int | None = None
    since: str | None = None
    colour: bool = False


class Hosts(Protocol):
    """All the machines on which a deployment runs."""

    def build(self, federation: Federation, reporter: Reporter, offline: bool) -> tuple[str, ...]:
        """Have other hosts build the images that they build themselves; return the names of their participants.

        Raises:
            ComposerError: It could not be done on some hosts; on the others it was.
        """

    def show(self, reporter: Reporter) -> None:
        """Show the commands that would start the participants."""

    def start(
        self, federation: Federation, reporter: Reporter, timeout: float | None, confirm: Callable[[str], bool]
    ) -> FederationStatus:
        """Start all but the admins, and wait until they are registered.

        Args:
            federation: What is to run.
            reporter: Hears what is done and how far the participants are.
            timeout: Seconds to wait for the registrations; None: start, and do not wait.
            confirm: Asked before a private key leaves this machine for the first time.

        Raises:
            NotHealthy: Somebody has not registered in time, or has been shut down or removed; the others go on trying.
            ComposerError: Anything else went wrong. Where it did, what this has started is gone, and what ran before
                goes on.
        """

    def stop(self, reporter: Reporter, purge: bool, dry_run: bool) -> None:
        """End everybody; with ``purge``, delete what composer has made, too.

        Raises:
            ComposerError: It could not be done on some hosts; on the others it was.
        """

    def status(self) -> FederationStatus:
        """Return how everybody is seen to run."""

    def logs(self, query: LogQuery, line: Callable[[str], None], reporter: Reporter) -> None:
        """Read what the participants write.

        Args:
            query: What of it.
            line: Gets each line, with its participant's name in front.
            reporter: Hears which host's logs have ended while those of others are followed.

        Raises:
            ComposerError: There is no such participant, or some hosts are away; the others' logs were read.
        """

    def images(self) -> tuple[ImageStatus, ...]:
        """Return how the images of the participants on other hosts stand there."""

    def console(self, admin: DeployedParticipant, argv: Sequence[str], terminal: bool, reporter: Reporter) -> int:
        """Open an administrator's console, or run a program in its place; return the exit status.

        Args:
            admin: Whose kit is used.
            argv: The program and its arguments, which sees the present folder; empty: the console.
            terminal: Whether composer has a terminal to hand on, which a console needs.
            reporter: Hears what is done.

        Raises:
            ComposerError: It cannot be run there.
        """


def hosts_of(manifest: Manifest, deployment: Path, lifecycle: Lifecycle | None = None) -> Hosts:
    """Return where a deployment runs.

    Args:
        manifest: What it says of itself.
        deployment: Its folder.
        lifecycle: How participants are started and stopped on this machine; needed to start and to stop.
    """
    from composer.hosts.one import OneHost

    here = OneHost(manifest, deployment, lifecycle)
    if not (manifest.hosts or manifest.left):
        return here
    from composer.hosts.several import SeveralHosts

    return SeveralHosts(manifest, deployment, here)
