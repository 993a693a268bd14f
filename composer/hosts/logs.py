"""What the participants of several hosts write, read from all hosts at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from composer.deployment.manifest import Manifest
from composer.hosts.parallel import HostsFailed, on_each
from composer.hosts.places import places
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

            with place.entered():
                if here:
                    stream(docker.logs(place.deployment, here, follow, lines, since, colour), take)

        opened.drop(on_each(tuple(opened.reached), read))
        if opened.away:
            raise HostsFailed(opened.away)
