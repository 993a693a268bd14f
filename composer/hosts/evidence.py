"""What participants and their server wrote last, read from all hosts at once: what causes are found in."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from composer.deployment.manifest import Manifest
from composer.hosts.connected import ConnectedHost, ConnectedHosts, connect_hosts
from composer.model.errors import ComposerError
from composer.runtimes.server_records import server_records
from composer.system.foreign_text import clip
from composer.system.process import stream
from composer.system.redact import clean_log_line

# The logs of three sites with a job each, and no more of a line than a sentence needs.
_LINES, _MOST_LINE = 3000, 1000
_SECONDS = 15.0


@dataclass(frozen=True)
class Written:
    """What was read; nothing of those whose host could not be asked.

    Attributes:
        logs: The last lines of participants, by name.
        server: The records of the server, the newest last.
    """

    logs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    server: tuple[str, ...] = ()


def read_evidence(manifest: Manifest, deployment: Path, names: Collection[str], words: Iterable[str]) -> Written:
    """Read what some participants wrote last, and what the server wrote of some names.

    Args:
        manifest: What the deployment says of itself.
        deployment: The deployment folder.
        names: The participants.
        words: Names of participants and jobs; only the server's records that have one of them are returned.
    """
    chosen = [one for one in manifest.started if one.name in names]
    asked = {one.host for one in (*chosen, *manifest.started) if one in chosen or one.type == "server"}
    sought = tuple(words)
    with connect_hosts(manifest, deployment, names=sorted(asked), seconds=_SECONDS) as hosts:
        logs = _logs(hosts, {one.service: one.name for one in chosen})
        records = hosts.each(lambda host: _records(host, sought), _SECONDS)
    return Written(logs, tuple(one for found in records.values() if isinstance(found, tuple) for one in found))


def _logs(hosts: ConnectedHosts, names: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    def read(host: ConnectedHost) -> Mapping[str, deque[str]]:
        there = [one.service for one in host.manifest.started if one.service in names]
        kept: dict[str, deque[str]] = {service: deque(maxlen=_LINES) for service in there}

        def take(text: str) -> None:
            service, _, line = host.by_participant(clean_log_line(text), there).partition("| ")
            if (service := service.strip()) in kept:
                kept[service].append(clip(line, _MOST_LINE))

        # What could be read before it failed is evidence, too.
        with contextlib.suppress(ComposerError), host.entered():
            if there:
                stream(host.runtime.logs(there, False, _LINES, None, False), take)
        return kept

    found = [one for one in hosts.each(read, _SECONDS).values() if not isinstance(one, ComposerError)]
    return {names[service]: tuple(lines) for one in found for service, lines in one.items()}


def _records(host: ConnectedHost, words: tuple[str, ...]) -> tuple[str, ...]:
    try:
        with host.entered():
            return server_records(host.runtime.server_log(), words)
    except OSError:
        return ()
