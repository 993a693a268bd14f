"""The first or the last of what somebody writes who may write without end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from threading import Thread
from typing import IO

_MOST = 1 << 16
_PATIENCE = 5.0


class Tail:
    """Reads a pipe to its end from a thread of its own, closes it, and keeps the last 64 KiB."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe, self._kept = pipe, b""
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """Wait a while for its end and return what is kept."""
        self._thread.join(_PATIENCE)
        return self._kept.decode("utf-8", "replace")

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._pipe:
            while block := self._pipe.read(_MOST):
                self._kept = (self._kept + block)[-_MOST:]


def first_of(blocks: Iterable[bytes], most: int) -> bytes:
    """Return the first ``most`` bytes of what comes in blocks, and ask for no more of these."""
    kept = bytearray()
    for block in blocks:
        kept += block
        if len(kept) >= most:
            break
    return bytes(kept[:most])
