"""The folder in which participants run as plain processes: its scripts, and what lies in its workspaces."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Protocol

from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError
from composer.model.kinds import LOCAL
from composer.render.templates import templates_folder
from composer.runtimes.observe import unreachable
from composer.runtimes.supervisors import runs_as, supervised, supervised_services
from composer.system.foreign_files import ForeignFile, read_foreign
from composer.system.foreign_text import clean_line, clip
from composer.system.process import command_line, run, stream

if TYPE_CHECKING:
    from composer.deployment.manifest import DeployedParticipant
    from composer.model.reporter import Reporter

FORMER = "workspaces/.former"
_SAID = re.compile(r"^error: (.+)\n hint: (.+)$", re.MULTILINE)


class Workspaces(Protocol):
    """What is seen in the workspaces of a run folder, and of who runs there."""

    def supervised(self) -> Sequence[str]:
        """Return the services whose supervisors live, also those that are not in the deployment any more."""

    def runs_as(self, service: str) -> str:
        """Return the other user as whom a participant runs; empty where this is none or not known."""

    def former(self) -> Sequence[str]:
        """Return the services that the last start has ended, and of which it kept what they ran from."""

    def installed(self, environment: str) -> bool:
        """Tell whether a virtual environment is there and whole, by its path below the run folder."""

    def read(self, path: str, most: int, from_end: bool = False) -> ForeignFile:
        """Read a file by its path below the workspaces, as :func:`composer.system.foreign_files.read_foreign` does.

        Raises:
            OSError: It is not there, or is none that may be read.
        """


class RunFolder(Protocol):
    """A folder with the scripts of ``dockerfiles/metal``, on this machine or another."""

    @property
    def host(self) -> str:
        """The machine's name."""

    @property
    def path(self) -> PurePath:
        """Where the folder is there."""

    def kit(self, participant: DeployedParticipant) -> PurePath:
        """Return where a participant's kit lies on that machine."""

    def program(self, *arguments: str) -> Command:
        """Return the command that runs composer's own program that finds processes, with these arguments."""

    def perform(self, command: Command, reporter: Reporter, dry_run: bool = False) -> None:
        """Run a command on that machine before the user's eyes, or only show it.

        Raises:
            ComposerError: It failed, with what the scripts say of it where they do.
        """

    def run(self, command: Command) -> str:
        """Run a command on that machine and return what it wrote.

        Raises:
            ComposerError: As for :meth:`perform`.
        """

    def from_here(self, command: Command, terminal: bool = False) -> Command:
        """Return the command that runs a command of that machine from this one, on this terminal if it needs one."""

    def look(self) -> Workspaces:
        """Look at the workspaces, once.

        Raises:
            ComposerError: The machine does not answer.
        """

    def forget_former(self) -> None:
        """Delete what the participants ran from that the last start has ended."""

    def unreachable(self, participant: DeployedParticipant) -> str:
        """Return why the other side of its connection does not answer as it must; empty if it does."""


@dataclass(frozen=True)
class LocalWorkspaces:
    """Those of this machine (:class:`Workspaces`), read when they are asked for."""

    deployment: Path

    def supervised(self) -> Sequence[str]:
        """Return the services whose supervisors live."""
        return supervised_services(self.deployment)

    def runs_as(self, service: str) -> str:
        """Look through all processes."""
        workspace = self.deployment / "workspaces" / service
        return "" if supervised(workspace) else runs_as(workspace)

    def former(self) -> Sequence[str]:
        """Return those of whom the settings were kept."""
        return sorted(path.parent.name for path in (self.deployment / FORMER).glob("*/conf"))

    def installed(self, environment: str) -> bool:
        """Look for the mark that is made last."""
        return (self.deployment / environment / ".complete").is_file()

    def read(self, path: str, most: int, from_end: bool = False) -> ForeignFile:
        """Read the file."""
        return read_foreign(self.deployment / "workspaces", path, most, from_end)


@dataclass(frozen=True)
class LocalFolder:
    """A deployment folder on this machine (:class:`RunFolder`)."""

    path: Path
    host: str = LOCAL

    def kit(self, participant: DeployedParticipant) -> PurePath:
        """Return where it was found."""
        return participant.kit

    def program(self, *arguments: str) -> Command:
        """Take the program from where composer is installed: the folder's may be older, or edited."""
        program = templates_folder() / "metal" / "lib" / "processes.py"
        return Command((sys.executable, "-I", "-S", str(program), *arguments))

    def perform(self, command: Command, reporter: Reporter, dry_run: bool = False) -> None:
        """Run it."""
        reporter.command(command_line(command))
        if dry_run:
            return
        try:
            stream(command, heard_by(reporter))
        except CommandFailed as error:
            raise as_the_script_said(error) from error

    def run(self, command: Command) -> str:
        """Run it."""
        try:
            return run(command)
        except CommandFailed as error:
            raise as_the_script_said(error) from error

    def from_here(self, command: Command, terminal: bool = False) -> Command:  # noqa: ARG002
        """Return it as it is."""
        return command

    def look(self) -> Workspaces:
        """Return what is read when it is asked for."""
        return LocalWorkspaces(self.path)

    def forget_former(self) -> None:
        """Delete it."""
        shutil.rmtree(self.path / FORMER, ignore_errors=True)

    def unreachable(self, participant: DeployedParticipant) -> str:
        """Try it from here."""
        return unreachable(participant)


def end_everybody(folder: RunFolder) -> Command:
    """Return the command that ends all processes of a folder; it fails where one lives on."""
    return folder.program("stop", str(folder.path / "workspaces"))


def heard_by(reporter: Reporter) -> Callable[[str], None]:
    """Return what tells a reporter each line of the scripts, whose warnings are those of the command that runs them."""

    def hear(line: str) -> None:
        words = clean_line(line).removeprefix("warning: ")
        (reporter.output if words == clean_line(line) else reporter.warn)(words)

    return hear


def as_the_script_said(error: CommandFailed) -> ComposerError:
    """Return what went wrong in the scripts' own words: they end with a cause and a hint, as composer itself does."""
    said = _SAID.findall(error.stderr)
    return ComposerError(*(clip(clean_line(text), 400) for text in said[-1])) if said else error
