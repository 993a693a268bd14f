"""A reporter that keeps what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from composer.model.status import FederationStatus


@dataclass
class Heard:
    """A :class:`composer.model.reporter.Reporter`."""

    steps: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    statuses: list[FederationStatus] = field(default_factory=list)

    def step(self, text: str) -> None:
        self.steps.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def command(self, line: str) -> None:
        self.commands.append(line)

    def output(self, line: str) -> None:
        self.lines.append(line)

    def progress(self, status: FederationStatus) -> None:
        self.statuses.append(status)
