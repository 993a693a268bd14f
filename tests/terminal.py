"""A command on a terminal of its own, which can be closed under it, as when a connection breaks."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass
class OnTerminal:
    """The command, and the terminal as whoever sits before it has it."""

    process: subprocess.Popen[bytes]
    screen: int

    def read_until(self, text: str) -> None:
        """Read what is shown until it holds ``text``."""
        shown = b""
        while text.encode() not in shown:
            try:
                block = os.read(self.screen, 4096)
            except OSError:
                block = b""
            assert block, f"it never showed {text!r} but: {shown.decode()}"
            shown += block

    def close(self) -> None:
        """Close the terminal."""
        os.close(self.screen)
        self.screen = -1


@contextmanager
def on_terminal(argv: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Iterator[OnTerminal]:
    """Lend a command that runs on a terminal, which is its session's own: to close it sends SIGHUP."""
    screen, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            ["setsid", "--ctty", *argv],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={**os.environ, "TERM": "xterm", **(environment or {})},
        )
    finally:
        os.close(terminal)
    one = OnTerminal(process, screen)
    try:
        yield one
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        with suppress(OSError):
            os.close(one.screen)
