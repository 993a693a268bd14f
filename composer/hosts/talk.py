"""Talk of several hosts at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from composer.model.status import FederationStatus

if TYPE_CHECKING:
    from composer.model.talk import Talk


class OneHost:
    """Talk in which it is said of which host it is; several threads may talk at once."""

    _lock = threading.Lock()

    def __init__(self, name: str, endpoint: str, talk: Talk) -> None:
        self._name, self._endpoint, self._talk = name, endpoint, talk

    def step(self, text: str) -> None:
        """Say what begins on it."""
        self.output(text)

    def warn(self, text: str) -> None:
        """Say what the user should know of it."""
        with self._lock:
            self._talk.warn(f"{self._name}: {text}")

    def command(self, line: str) -> None:
        """Show a command that goes to its engine, as one could type it."""
        with self._lock:
            self._talk.command(f"DOCKER_HOST={self._endpoint} {line}" if self._endpoint else line)

    def output(self, line: str) -> None:
        """Show a line that a long command wrote."""
        with self._lock:
            self._talk.output(f"{self._name}: {line}")

    def progress(self, status: FederationStatus) -> None:
        """Show how far the participants are."""
        with self._lock:
            self._talk.progress(status)
