"""Podman in memory: an engine as Docker's, and the few of its commands that start and stop containers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from composer.model.command import Command
from composer.model.reporter import SILENT, Reporter
from composer.render.podman import CONFIGURATION_LABEL, PROJECT_LABEL, SERVICE_LABEL
from tests.fakes.engine import MemoryEngine


@dataclass
class MemoryPodman(MemoryEngine):
    """Its containers by id; ``fails`` may name ``run SERVICE``, too."""

    program: str = "podman"
    suffix: str = ""

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let composer's runtime for Podman see this engine, and these commands."""
        for module in ("service", "lifecycle"):
            monkeypatch.setattr(f"composer.runtimes.podman.{module}.connect", lambda: self)
        monkeypatch.setattr("composer.runtimes.podman.lifecycle.perform", self.perform)
        monkeypatch.setattr("composer.runtimes.podman.lifecycle.run", self.run)

    def perform(self, command: Command, reporter: Reporter = SILENT, dry_run: bool = False) -> None:
        """Stands for :func:`composer.system.process.perform`."""
        if dry_run:
            return
        self.commands.append(command.argv)
        program, verb, *rest = command.argv
        assert program == "podman"
        if verb == "run":
            self._run(rest)
            return
        for one in [one for one in self.there.values() if one.name in rest or one.id in rest]:
            if verb == "rm":
                self.remove(one.id)
            elif verb == "stop":
                self.end(one.participant)
            elif verb == "start":
                assert not self.try_to_start(one.id)
            else:
                raise AssertionError(command.argv)

    def run(self, command: Command, timeout: float | None = None) -> str:
        """Stands for :func:`composer.system.process.run`."""
        self.perform(command)
        return ""

    def _run(self, words: list[str]) -> None:
        labels = dict(_labels(words))
        service, project = labels[SERVICE_LABEL], labels[PROJECT_LABEL]
        image = next(word for word in words if word.startswith("localhost/"))
        for one in [one for one in self.there.values() if one.service == service]:
            self.remove(one.id)
        said: Mapping[str, Any] = {"labels": labels, "image": image}
        self._create(project, service, said, labels[CONFIGURATION_LABEL])
        self._note(f"run {service}")
        self._start(service, project)


def _labels(words: list[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        if word.startswith("--label="):
            name, _, value = word.removeprefix("--label=").partition("=")
            yield name, value
