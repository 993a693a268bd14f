"""Reporter of several hosts at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from composer.model.status import FederationStatus

if TYPE_CHECKING:
    from composer.model.reporter import Reporter


class HostReporter:
    """A reporter that says of which host it speaks; several threads may use it at once.

    Args:
        name: The host's.
        through: What stands in front of a command that reaches that host, where one types it here; may be empty.
        reporter: Hears it.
    """

    _lock = threading.Lock()

    def __init__(self, name: str, through: str, reporter: Reporter) -> None:
        self._name, self._through, self._reporter = name, through, reporter

    def step(self, text: str) -> None:
        """Say what begins on it."""
        self.output(text)

    def warn(self, text: str) -> None:
        """Say what the user should know of it."""
        with self._lock:
            self._reporter.warn(f"{self._name}: {text}")

    def command(self, line: str) -> None:
        """Show a command that runs there, as one could type it here."""
        with self._lock:
            self._reporter.command(f"{self._through} {line}" if self._through else line)

    def output(self, line: str) -> None:
        """Show a line that a long command wrote."""
        with self._lock:
            self._reporter.output(f"{self._name}: {line}")

    def progress(self, status: FederationStatus) -> None:
        """Show how far the participants are."""
        with self._lock:
            self._reporter.progress(status)
