"""The folder on another host in which participants run as plain processes, over SSH."""

from __future__ import annotations

import base64
import errno
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any

from composer.hosts.ssh import Connection, explain, says_something_else
from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError
from composer.model.names import is_service
from composer.render.remote import KITS
from composer.render.templates import read_template
from composer.runtimes.run_folder import Workspaces, as_the_script_said, heard_by
from composer.system.foreign_files import ForeignFile
from composer.system.foreign_text import clean_line, clip
from composer.system.process import command_line, run, stream

if TYPE_CHECKING:
    from composer.deployment.manifest import DeployedParticipant
    from composer.model.reporter import Reporter

_SSH_FAILED = 255


@dataclass(frozen=True)
class RemoteWorkspaces:
    """What one look at a host has seen (:class:`composer.runtimes.run_folder.Workspaces`)."""

    living: Sequence[str]
    others: Mapping[str, str]
    kept: Sequence[str]
    environments: frozenset[str]
    files: Mapping[str, ForeignFile] = field(repr=False)

    def supervised(self) -> Sequence[str]:
        """Return the services whose supervisors lived."""
        return self.living

    def runs_as(self, service: str) -> str:
        """Return the other user as whom a participant ran."""
        return self.others.get(service, "")

    def former(self) -> Sequence[str]:
        """Return the services of which it is kept what they ran from."""
        return self.kept

    def installed(self, environment: str) -> bool:
        """Tell whether the mark that is made last was there."""
        return PurePosixPath(environment).name in self.environments

    def read(self, path: str, most: int, from_end: bool = False) -> ForeignFile:
        """Return what was read of a file then."""
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, "it was not seen", path)
        found = self.files[path]
        return ForeignFile(found.content[-most:] if from_end else found.content[:most], found.written)


@dataclass(frozen=True)
class RemoteFolder:
    """The federation's folder on another host (:class:`composer.runtimes.run_folder.RunFolder`).

    Attributes:
        connection: To the host.
        server: The service of the server, where it runs there.
    """

    connection: Connection
    server: str = ""

    @property
    def host(self) -> str:
        """The host's name."""
        return self.connection.host.name

    @property
    def path(self) -> PurePath:
        """Where it is there."""
        return self.connection.host.path

    def kit(self, participant: DeployedParticipant) -> PurePath:
        """Return where it was delivered to."""
        return self.path / KITS / participant.service

    def program(self, *arguments: str) -> Command:
        """Send the program along: what lies there may be older, or gone."""
        text = read_template("metal/lib/processes.py").decode()
        return Command(("python3", "-I", "-S", "-c", text, *arguments))

    def perform(self, command: Command, reporter: Reporter, dry_run: bool = False) -> None:
        """Run it there."""
        if "-c" not in command.argv:
            reporter.command(command_line(command))
        if dry_run:
            return
        try:
            stream(self.from_here(command), heard_by(reporter))
        except CommandFailed as error:
            raise self._explained(error) from error

    def run(self, command: Command) -> str:
        """Run it there."""
        try:
            return run(self.from_here(command))
        except CommandFailed as error:
            raise self._explained(error) from error

    def from_here(self, command: Command, terminal: bool = False) -> Command:
        """Return it behind SSH."""
        given = [f"{name}={value}" for name, value in command.environment if value is not None]
        return self.connection.command(*(("env", *given) if given else ()), *command.argv, terminal=terminal)

    def look(self) -> Workspaces:
        """Have a program look there."""
        answer = self.connection.program("remote/see", str(self.path), *([self.server] if self.server else []))
        lines = [line.removeprefix("seen ") for line in answer.split("\n") if line.startswith("seen ")]
        try:
            (line,) = lines
            return _seen(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise says_something_else(self.connection.host) from error

    def forget_former(self) -> None:
        """Delete it there."""
        self.run(Command(("rm", "-rf", "--", str(self.path / "workspaces" / ".former"))))

    def unreachable(self, participant: DeployedParticipant) -> str:
        """Try it from there."""
        serving = participant.type == "server"
        arguments = (
            participant.address,
            str(participant.port),
            participant.security,
            "server" if serving else "client",
            participant.identity,
            str(self.kit(participant) / "startup"),
        )
        said = self.connection.program("reach", *arguments).strip().split("\n")[-1]
        where = f"{participant.host_name}:{participant.port}"
        return f"{where}: {clip(clean_line(said))}" if said else ""

    def _explained(self, error: CommandFailed) -> ComposerError:
        if error.returncode == _SSH_FAILED:
            return explain(self.connection.host, error.returncode, error.stderr)
        return as_the_script_said(error)


def _seen(answer: dict[str, Any]) -> RemoteWorkspaces:
    """Return what a host says, as far as it has the form.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: It has not.
    """
    return RemoteWorkspaces(
        _services(answer["supervised"]),
        {name: clip(clean_line(str(user)), 100) for name, user in answer["others"].items() if is_service(name)},
        _services(answer["former"]),
        frozenset(str(name) for name in answer["environments"]),
        {
            str(path): ForeignFile(base64.b64decode(content, validate=True), float(written))
            for path, (content, written) in answer["files"].items()
        },
    )


def _services(names: Iterable[object]) -> tuple[str, ...]:
    """Return those that are services': the host's administrator may keep folders of other names beside them."""
    return tuple(name for name in names if isinstance(name, str) and is_service(name))
