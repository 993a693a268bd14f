"""Standard output and error as composer needs them: what nobody can hear is dropped, and the deed is done."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Unheard:
    """A text stream whose reader may go away, or whose disk may fill: what cannot be written is dropped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._forget()

    def _forget(self) -> None:
        # What is still buffered would be tried again at each flush, and at the end of the interpreter.
        self._stream = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - it lasts as long as composer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class OutputError(Exception):
    """Standard output takes no more, for the reason given; one whose reader has gone away is a BrokenPipeError."""


class _Owed:
    """The text stream of what was asked for: that it cannot be written is told, and told from any other failure."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with _owing():
            return self._stream.write(text)

    def flush(self) -> None:
        with _owing():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _owing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(error.strerror) from error


def prepare_streams() -> None:
    """Open standard streams that whoever started composer has closed, and let nothing depend on standard error.

    What standard output does not take is raised as an :class:`OutputError` from then on.
    """
    # A file that is opened later must not become anybody's standard error.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 - a descriptor
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8")  # noqa: SIM115 - a descriptor
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8")  # noqa: SIM115 - a descriptor
    sys.stdout = cast(TextIO, _Owed(sys.stdout))
    sys.stderr = cast(TextIO, _Unheard(sys.stderr))
