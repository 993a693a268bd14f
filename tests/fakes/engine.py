"""A Docker engine in memory, and the little of Compose that starts and stops what a Compose file says."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from composer.deployment.image_record import RecordedImage
from composer.deployment.layout import AUTHORITY_LABEL, DEPLOYMENT_LABEL, PARTICIPANT_LABEL
from composer.images.store import ImageFacts
from composer.model.command import Command
from composer.model.errors import CommandFailed
from composer.model.reporter import SILENT, Reporter
from composer.runtimes.engine_answers import Container
from composer.runtimes.engine_facts import EngineFacts
from composer.system.foreign_files import ForeignFile

# No two engines give the same.
_IDS = itertools.count(1)
BEGAN = datetime(2026, 1, 31, tzinfo=timezone.utc)


@dataclass
class MemoryEngine:
    """Its containers by id. ``fails`` maps a method, or ``up SERVICE`` of Compose, to what it raises."""

    there: dict[str, Container] = field(default_factory=dict)
    fails: dict[str, BaseException] = field(default_factory=dict)
    cannot_start: dict[str, str] = field(default_factory=dict)
    # What the labels of images say they were built from, by tag.
    images: dict[str, str] = field(default_factory=dict)
    facts_of_images: dict[str, ImageFacts] = field(default_factory=dict)
    jobs: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    states: dict[str, bytes] = field(default_factory=dict)
    commands: list[tuple[str, ...]] = field(default_factory=list)
    program: str = "docker"
    # Of the names of its containers.
    suffix: str = "-1"

    def saving(self, target: Path, tags: Sequence[str]) -> Command:
        return Command((self.program, "save", "--output", str(target), *tags))

    def containers(self, compose_project: str, seen: object = None) -> tuple[Container, ...]:
        self._note("containers")
        return tuple(one for one in self.there.values() if one.compose_project == compose_project)

    def containers_of(self, deployment: Path) -> tuple[Container, ...]:
        self._note("containers_of")
        return tuple(one for one in self.there.values() if one.deployment == str(deployment))

    def compose_projects_of(self, deployment: Path) -> frozenset[str]:
        return frozenset(one.compose_project for one in self.containers_of(deployment))

    def facts(self) -> EngineFacts:
        return EngineFacts((29, 5), "Debian", False, False, True, False, Path("/"), datetime.now(timezone.utc))

    def processes(self, container: str) -> tuple[str, ...]:
        self._note("processes")
        return self.jobs if self.there[container].participant == "server1" else ()

    def try_to_start(self, container: str) -> str:
        one = self.there[container]
        if reason := self.cannot_start.get(one.participant, ""):
            return reason
        self.there[container] = replace(one, state="running")
        return ""

    def remove(self, container: str) -> None:
        self._note("remove")
        self.there.pop(container, None)

    def image_facts(self) -> dict[str, ImageFacts]:
        return self.facts_of_images

    def built_images(self) -> dict[str, RecordedImage]:
        return {tag: RecordedImage(inputs, "sha256:1") for tag, inputs in self.images.items()}

    def remove_image(self, tag: str) -> None:
        self.images.pop(tag, None)

    def remove_untagged(self) -> None:
        self._note("remove_untagged")

    def name_image(self, image: str, name: str) -> None:
        self._note("name_image")

    def last_lines(self, container: str, lines: int) -> list[str]:
        return list(self.lines)

    def read(self, container: str, path: str, most: int) -> ForeignFile:
        try:
            return ForeignFile(self.states[self.there[container].participant], time.time())
        except KeyError:
            raise FileNotFoundError(path) from None

    def run_in(self, container: str, *argv: str) -> tuple[int, str]:
        self._note("run_in")
        return 0, ""

    def run(self, command: Command, timeout: float | None = None) -> str:
        """Stands for :func:`composer.system.process.run`."""
        words = list(command.argv)
        if "--hash" in words:
            services = _services(_files(words))
            return "".join(f"{name} {_digest(one)}\n" for name, one in services.items() if "profiles" not in one)
        self.perform(command)
        return ""

    def perform(self, command: Command, reporter: Reporter = SILENT, dry_run: bool = False) -> None:
        """Stands for :func:`composer.system.process.perform`."""
        if dry_run:
            return
        self.commands.append(command.argv)
        words = list(command.argv)
        files = _files(words)
        if words[:2] == ["docker", "stop"]:
            self._note("stop")
            self.end(self.there[words[2]].participant)
        elif "down" in words:
            project = words[words.index("--project-name") + 1] if "--project-name" in words else _project(files)
            self._note("down")
            for one in self.containers(project):
                self.remove(one.id)
        elif {"stop", "rm"} & set(words):
            named = words[words.index("stop" if "stop" in words else "rm") :]
            for one in [one for one in self.there.values() if one.service in named]:
                self.remove(one.id) if "rm" in words else self.end(one.participant)
        elif "up" in words:
            named = [word for word in words[words.index("up") + 1 :] if not word.startswith("--")]
            self._up(files, named, "--remove-orphans" in words)
        else:
            raise AssertionError(words)

    def running(self) -> set[str]:
        return {one.participant for one in self.there.values() if one.state == "running"}

    def end(self, participant: str, exit_code: int = 143) -> None:
        """What ``docker stop`` leaves of a participant's container."""
        for one in self._of((participant,)):
            self.there[one.id] = replace(one, state="exited", exit_code=exit_code)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let composer's runtime for Docker see this engine, and this Compose."""
        for name in ("docker_lifecycle.connect", "containers.connect", "other.connect"):
            monkeypatch.setattr(f"composer.runtimes.{name}", lambda *_: self, raising=False)
        monkeypatch.setattr("composer.runtimes.engine.connect", lambda *_: self)
        monkeypatch.setattr("composer.runtimes.docker_lifecycle.perform", self.perform)
        for module in ("docker", "docker_lifecycle"):
            monkeypatch.setattr(f"composer.runtimes.{module}.run", self.run)

    def _up(self, files: Sequence[Path], named: Sequence[str], remove_orphans: bool) -> None:
        project, services = _project(files), _services(files)
        wanted = {name: one for name, one in services.items() if name in named or not (named or "profiles" in one)}
        if remove_orphans:
            for one in self.containers(project):
                if one.service not in services:
                    self.remove(one.id)
        for name, service in wanted.items():
            digest = _digest(service)
            former = [one for one in self.containers(project) if one.service == name]
            if any(one.configuration == digest and one.state == "running" for one in former):
                continue
            for one in former:
                self.remove(one.id)
            self._create(project, name, service, digest)
            self._note(f"up {name}")
            self._start(name, project)

    def _create(self, project: str, service: str, document: Mapping[str, Any], digest: str) -> None:
        labels, id_ = document["labels"], f"id-{next(_IDS)}"
        self.there[id_] = Container(
            id=id_,
            name=f"{project}-{service}{self.suffix}",
            compose_project=project,
            service=service,
            participant=labels.get(PARTICIPANT_LABEL, ""),
            deployment=labels.get(DEPLOYMENT_LABEL, ""),
            authority=labels.get(AUTHORITY_LABEL, ""),
            image=document["image"],
            image_id="sha256:1",
            inputs=self.images.get(document["image"], ""),
            configuration=digest,
            state="created",
            health="none",
            exit_code=0,
            started=BEGAN,
            restarts=0,
            one_off=False,
        )

    def _start(self, service: str, project: str) -> None:
        for one in self.containers(project):
            if one.service == service and self.try_to_start(one.id):
                raise failed("Error response from daemon: it cannot be started")

    def _of(self, participants: Iterable[str]) -> list[Container]:
        return [one for one in self.there.values() if one.participant in participants]

    def _note(self, what: str) -> None:
        if what in self.fails:
            raise self.fails[what]


def failed(said: str) -> CommandFailed:
    """What is raised where Docker's command ends with an error."""
    return CommandFailed("docker compose up", 1, said)


def _files(words: Sequence[str]) -> list[Path]:
    return [Path(words[at + 1]) for at, word in enumerate(words) if word == "--file"]


def _digest(service: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(service, sort_keys=True).encode()).hexdigest()


def _services(files: Sequence[Path]) -> dict[str, Any]:
    services: dict[str, Any] = {}
    for file in files:
        services.update(yaml.safe_load(file.read_text())["services"])
    return services


def _project(files: Sequence[Path]) -> str:
    return str(yaml.safe_load(files[0].read_text())["name"])
