"""Reporter of several hosts at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from composer.model.status import FederationStatus

if TYPE_CHECKING:
    from composer.model.reporter import Reporter


class HostReporter:
    """A reporter that says of which host it speaks; several threads may use it at once."""

    _lock = threading.Lock()

    def __init__(self, name: str, endpoint: str, reporter: Reporter) -> None:
        self._name, self._endpoint, self._reporter = name, endpoint, reporter

    def step(self, text: str) -> None:
        """Say what begins on it."""
        self.output(text)

    def warn(self, text: str) -> None:
        """Say what the user should know of it."""
        with self._lock:
            self._reporter.warn(f"{self._name}: {text}")

    def command(self, line: str) -> None:
        """Show a command that goes to its engine, as one could type it."""
        with self._lock:
            self._reporter.command(f"DOCKER_HOST={self._endpoint} {line}" if self._endpoint else line)

    def output(self, line: str) -> None:
        """Show a line that a long command wrote."""
        with self._lock:
            self._reporter.output(f"{self._name}: {line}")

    def progress(self, status: FederationStatus) -> None:
        """Show how far the participants are."""
        with self._lock:
            self._reporter.progress(status)
