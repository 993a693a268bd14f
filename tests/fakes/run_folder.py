"""A folder of plain processes in memory, which notes its commands and fails where a test wants it to."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath

from composer.deployment.manifest import DeployedParticipant
from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.model.reporter import Reporter
from composer.system.foreign_files import ForeignFile


@dataclass
class MemoryFolder:
    """A :class:`composer.runtimes.run_folder.RunFolder`, and the workspaces that a look at it shows.

    ``fails`` maps the name of a script to what it raises; ``says`` is what it prints.
    """

    path: PurePath = field(default_factory=lambda: PurePosixPath("/srv/far"))
    host: str = "ward"
    living: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    environments: set[str] = field(default_factory=set)
    others: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fails: Mapping[str, ComposerError] = field(default_factory=dict)
    says: str = ""
    trouble: str = ""

    def kit(self, participant: DeployedParticipant) -> PurePath:
        return self.path / "kits" / participant.service

    def program(self, *arguments: str) -> Command:
        return Command(("processes.py", *arguments))

    def perform(self, command: Command, reporter: Reporter, dry_run: bool = False) -> None:
        if not dry_run:
            self.run(command)

    def run(self, command: Command) -> str:
        argv = [PurePath(part).name if part.startswith("/") else part for part in command.argv if part != "bash"]
        self.asked.append(" ".join(argv))
        if argv[0] in self.fails:
            raise self.fails[argv[0]]
        return self.says

    def from_here(self, command: Command, terminal: bool = False) -> Command:
        return command

    def look(self) -> MemoryFolder:
        return self

    def installed(self, environment: str) -> bool:
        return environment in self.environments

    def forget_former(self) -> None:
        self.asked.append("forget")

    def unreachable(self, participant: DeployedParticipant) -> str:
        return self.trouble

    def supervised(self) -> Sequence[str]:
        return self.living

    def runs_as(self, service: str) -> str:
        return self.others.get(service, "")

    def former(self) -> Sequence[str]:
        return self.kept

    def read(self, path: str, most: int, from_end: bool = False) -> ForeignFile:
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, "it is not there", path)
        content = self.files[path]
        return ForeignFile(content[-most:] if from_end else content[:most], 0.0)
