"""How use cases speak to whoever called them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from composer.model.status import FederationStatus


class Reporter(Protocol):
    """How a use case tells the user what it does."""

    def step(self, text: str) -> None:
        """Say what begins now."""

    def warn(self, text: str) -> None:
        """Say what the user should know though it stops nothing."""

    def command(self, line: str) -> None:
        """Show a command that is about to run."""

    def output(self, line: str) -> None:
        """Show a line that a long command wrote."""

    def progress(self, status: FederationStatus) -> None:
        """Show how far the participants are."""


class Silent:
    """A reporter that says nothing, for code that asks only for what comes out."""

    def step(self, text: str) -> None:
        """Say nothing of what begins now."""

    def warn(self, text: str) -> None:
        """Say nothing of what the user should know."""

    def command(self, line: str) -> None:
        """Say nothing of a command."""

    def output(self, line: str) -> None:
        """Say nothing of a command's output."""

    def progress(self, status: FederationStatus) -> None:
        """Say nothing of how far the participants are."""


SILENT: Reporter = Silent()


def some_of(names: Sequence[str], most: int = 4) -> str:
    """Return names as one reads them in a sentence, the first of them where there are many."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
