"""A program on a terminal, and somebody who answers its prompts."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from collections.abc import Sequence
from pathlib import Path


def converse(argv: Sequence[str], answers: Sequence[tuple[str, str]] = (), cwd: Path | None = None) -> str:
    """Run a program on a terminal, answer each of its prompts in turn, and return what it wrote to its end."""
    ours, its = pty.openpty()
    process = subprocess.Popen(argv, stdin=its, stdout=its, stderr=its, start_new_session=True, cwd=cwd)
    os.close(its)
    said, seen = "", 0
    pending = list(answers)
    try:
        while data := _read(ours):
            said += data
            if pending and pending[0][0] in said[seen:]:
                seen = len(said)
                os.write(ours, (pending.pop(0)[1] + "\r").encode())
        process.wait(60)
    finally:
        process.kill()
        os.close(ours)
    assert not pending, said
    return said


def _read(terminal: int) -> str:
    readable, _, _ = select.select([terminal], [], [], 60)
    try:
        return os.read(terminal, 65536).decode("utf-8", "replace") if readable else ""
    except OSError:
        # Linux says so when the other side has been closed.
        return ""
