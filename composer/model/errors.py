"""What can go wrong, said once: a cause and what to do about it, and the exit code of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from composer.model.finding import Finding


class ComposerError(Exception):
    """A failure that the user can act on.

    Attributes:
        message: The cause, one line, no trailing full stop.
        hint: What to do about it, one line.
        details: What to show before the two; may be many lines.
        exit_code: What ``composer`` exits with: 1 unless a branch says otherwise.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        return self.message


class DefinitionError(ComposerError):
    """composer.yml does not hold: every finding, each with its file and line."""


class ChecksFailed(ComposerError):
    """Kits were read and found wanting; ``findings`` says how."""

    exit_code = 3

    def __init__(self, findings: Sequence[Finding], hint: str) -> None:
        errors = [finding for finding in findings if finding.severity == "error"]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{errors[0].kit}: {errors[0].message}{more}", hint)
        self.findings = tuple(findings)


class NotHealthy(ComposerError):
    """The federation runs, but not all of it is well; it goes on trying."""

    exit_code = 3


class CrashLoop(ComposerError):
    """Participants end again and again, soon after each start; ``names`` says which."""

    exit_code = 3

    def __init__(self, message: str, hint: str, names: Sequence[str]) -> None:
        super().__init__(message, hint)
        self.names = tuple(names)


class HostError(ComposerError):
    """Something went wrong on a host, which the message names."""


class TookTooLong(ComposerError):
    """A command that composer ran was ended since it took too long."""


class WroteTooMuch(ComposerError):
    """A command that composer ran was ended since it wrote more than can be meant."""


class CommandFailed(ComposerError):
    """A command that composer ran ended with another status than 0.

    Attributes:
        stderr: The last lines that the command wrote to its standard error.
        last_line: The very last one; where it wrote nothing, its status in words.
    """

    def __init__(self, command: str, returncode: int, stderr: str) -> None:
        self.last_line = stderr.strip().split("\n")[-1] or f"it ended with status {returncode}"
        super().__init__(f"`{command}` failed: {self.last_line}", "run the command by hand to see all of its output")
        self.returncode = returncode
        self.stderr = stderr
