"""What the participants of several hosts write, read from all hosts at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from composer.deployment.manifest import Manifest
from composer.hosts import LogQuery
from composer.hosts.parallel import HostsFailed, on_each
from composer.hosts.places import places
from composer.model.errors import ComposerError
from composer.model.reporter import Reporter
from composer.runtimes import docker, services
from composer.system.process import stream
from composer.system.redact import clean_log_line


def logs(
    manifest: Manifest,
    deployment: Path,
    query: LogQuery,
    line: Callable[[str], None],
    reporter: Reporter,
) -> None:
    """Read participants' logs as :meth:`composer.hosts.Hosts.logs` does, those of all hosts at once.

    Raises:
        HostsFailed: Some hosts are away; the others' logs were read.
        ComposerError: There is no such participant.
    """
    names = query.names
    services(manifest, names)
    chosen = [one for one in manifest.participants if not names or one.name in names]
    lock = threading.Lock()

    with places(manifest, deployment, names=[one.host for one in chosen]) as opened:

        def read(name: str) -> None:
            place = opened.reached[name]
            here = [one.service for one in chosen if one.host == name and (names or one.type != "admin")]

            def take(text: str) -> None:
                with lock:
                    line(docker.by_participant_of(name, here, clean_log_line(text, query.colour)))

            try:
                with place.entered(), place.named():
                    if here:
                        asked = (query.follow, query.lines, query.since, query.colour)
                        stream(docker.logs(place.deployment, here, *asked), take)
            except ComposerError as error:
                if query.follow:
                    # The others may go on for days.
                    reporter.warn(error.message)
                raise

        opened.drop(on_each(tuple(opened.reached), read))
        if opened.away:
            raise HostsFailed(opened.away)
