"""Podman's API, which is Docker's: served for the time of one command, so that no socket need be set up for it."""

from __future__ import annotations

import os
import tempfile
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from composer.images.store import ImageFacts
from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError
from composer.render.templates import templates_folder
from composer.runtimes.engine import Engine
from composer.runtimes.engine_answers import image_facts, texts
from composer.runtimes.engine_facts import EngineFacts
from composer.runtimes.engine_failures import asking
from composer.system.process import Process, run, spawn

OLDEST = (4, 9)
_INSTALL = "install Podman 4.9 or newer"
_SECONDS = 30.0


class PodmanEngine(Engine):
    """Podman behind its API."""

    program = "podman"

    def saving(self, target: Path, tags: Sequence[str]) -> Command:
        """Return the command that writes images to one archive, in which what they share lies once."""
        return Command((self.program, "save", "--multi-image-archive", "--output", str(target), *tags))

    def facts(self) -> EngineFacts:
        """Return what it says of itself, without what is a matter for where Docker is meant."""
        return replace(super().facts(), podman=False, rootless=False, selinux=False)

    def image_facts(self) -> dict[str, ImageFacts]:
        """Return what Podman says of every tagged image, by tag; its list of sizes has but a part of each name."""
        with asking():
            shared = {str(one["Id"]): int(one.get("SharedSize", 0)) for one in self._client.df()["Images"] or ()}
            found: dict[str, ImageFacts] = {}
            for image in self._client.images():
                answer: dict[str, Any] = {**image, "SharedSize": shared.get(str(image["Id"]).rpartition(":")[2], 0)}
                found.update({tag: image_facts(answer) for tag in texts(image.get("RepoTags"))})
            return found


def require_podman() -> None:
    """Make sure that Podman is there and not too old.

    Raises:
        ComposerError: It is missing, too old, or cannot be used.
    """
    try:
        version = run(Command(("podman", "version", "--format", "{{.Client.Version}}")), _SECONDS).strip()
    except CommandFailed as error:
        raise ComposerError(f"Podman cannot be used: {error.last_line}", "see: podman info") from error
    numbers = version.split("-")[0].split(".")[:2]
    if all(number.isdigit() for number in numbers) and tuple(map(int, numbers)) < OLDEST:
        raise ComposerError(f"Podman {version} is too old, 4.9 is needed", _INSTALL)


def connect() -> Engine:
    """Start Podman's service and return what speaks to it; the service ends with that, or with this process.

    Raises:
        ComposerError: Podman is missing, or does not answer.
    """
    from composer.runtimes.engine_client import open_client

    require_podman()
    folder = Path(tempfile.mkdtemp(prefix="composer-"))
    # Nothing is ever written to the pipe.
    reads, writes = os.pipe()
    service = spawn(Command(("sh", str(templates_folder() / "podman" / "serve.sh"), str(folder))), reads, None, None)
    os.close(reads)
    path, deadline = folder / "podman.sock", time.monotonic() + _SECONDS
    while service.poll() is None and time.monotonic() < deadline:
        if path.exists():
            with suppress(Exception):
                engine = PodmanEngine(open_client(f"unix://{path}"))
                weakref.finalize(engine, _end, service, writes)
                return engine
        time.sleep(0.02)
    _end(service, writes)
    raise ComposerError("Podman does not answer", "see what it says: podman info")


def _end(service: Process, writes: int) -> None:
    os.close(writes)
    service.wait()


def is_rootless() -> bool:
    """Tell whether Podman runs containers as an ordinary user."""
    return os.geteuid() != 0
