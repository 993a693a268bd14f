"""What the participants of several hosts write, read from all hosts at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from composer.deployment.manifest import Manifest
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
    names: Sequence[str],
    line: Callable[[str], None],
    follow: bool,
    lines: int | None,
    since: str | None,
    colour: bool,
    reporter: Reporter,
) -> None:
    """Read participants' logs as :func:`composer.usecases.logs.logs` does, those of all hosts at once.

    Raises:
        HostsFailed: Some hosts are away; the others' logs were read.
        ComposerError: There is no such participant.
    """
    services(manifest, names)
    chosen = [one for one in manifest.participants if not names or one.name in names]
    lock = threading.Lock()

    with places(manifest, deployment, names=[one.host for one in chosen]) as opened:

        def read(name: str) -> None:
            place = opened.reached[name]
            here = [one.service for one in chosen if one.host == name and (names or one.type != "admin")]

            def take(text: str) -> None:
                with lock:
                    line(docker.by_participant_of(name, here, clean_log_line(text, colour)))

            try:
                with place.entered(), place.named():
                    if here:
                        stream(docker.logs(place.deployment, here, follow, lines, since, colour), take)
            except ComposerError as error:
                if follow:
                    # The others may go on for days.
                    reporter.warn(error.message)
                raise

        opened.drop(on_each(tuple(opened.reached), read))
        if opened.away:
            raise HostsFailed(opened.away)
