"""What the participants write, read from all hosts at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from composer.deployment.manifest import Manifest
from composer.hosts.connected import ConnectedHost, connect_hosts
from composer.model.errors import CommandFailed, ComposerError
from composer.model.reporter import Reporter
from composer.runtimes import services
from composer.system.process import stream
from composer.system.redact import clean_log_line


@dataclass(frozen=True)
class LogQuery:
    """What of the participants' logs is read.

    Attributes:
        names: Whose; empty: everybody's.
        follow: Keep reading new lines.
        lines: Only so many of the last lines of each; None: all.
        since: Only from this moment on, as Docker takes it; None: from the beginning.
        colour: Keep colours.
        timestamps: Have the engine's own time before each line; plain processes have NVFLARE's alone.
    """

    names: tuple[str, ...] = ()
    follow: bool = False
    lines: int | None = None
    since: str | None = None
    colour: bool = False
    timestamps: bool = False

    @property
    def how(self) -> tuple[bool, int | None, str | None, bool, bool]:
        """All but the names, as a runtime takes it."""
        return self.follow, self.lines, self.since, self.colour, self.timestamps


def logs(
    manifest: Manifest,
    deployment: Path,
    query: LogQuery,
    line: Callable[[str], None],
    reporter: Reporter,
) -> None:
    """Read participants' logs.

    Args:
        manifest: What the deployment says of itself.
        deployment: The deployment folder.
        query: What of them.
        line: Gets each line, with its participant's name in front.
        reporter: Hears which host's logs have ended while those of others are followed.

    Raises:
        ComposerError: There is no such participant, or some hosts are away; the others' logs were read.
    """
    names = query.names
    services(manifest, names)
    chosen = [one for one in manifest.participants if one.name in names or not (names or one.type == "admin")]
    lock = threading.Lock()

    with connect_hosts(manifest, deployment, names=[one.host for one in chosen]) as hosts:

        def read(host: ConnectedHost) -> None:
            there = [one.service for one in chosen if one.host == host.name]

            def take(text: str) -> None:
                with lock:
                    line(host.by_participant(clean_log_line(text, query.colour), there))

            try:
                with host.entered(), host.named():
                    stream(host.runtime.logs(there, *query.how), take)
            except ComposerError as error:
                if isinstance(error, CommandFailed):
                    # Whoever may not ask the engine, or has none, is told so by it in two lines.
                    with host.entered(), host.named():
                        host.lifecycle.facts()
                if query.follow and not host.alone:
                    # The others may go on for days.
                    reporter.warn(error.message)
                raise

        hosts.drop(hosts.each(read))
        if hosts.unreachable:
            raise hosts.failure()
