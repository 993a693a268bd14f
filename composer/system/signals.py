"""Signals that end a command: each becomes an exception, and is held while what was started is taken back."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

# A terminal's Ctrl-C, a manager's request, a terminal that goes away.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "its terminal has gone"}


class Signalled(KeyboardInterrupt):
    """A signal has come that ends the command.

    Attributes:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = signal.Signals(number)

    @property
    def told(self) -> str:
        """What it means, in a word or two."""
        return _WORDS[self.number]

    @property
    def exit_code(self) -> int:
        """As shells have it for a command that a signal has ended."""
        return 128 + self.number


def install() -> None:
    """From now on, let each signal that ends a command raise :class:`Signalled`.

    One that whoever started composer has it ignore (nohup, a shell's background jobs) stays ignored.
    """
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _raise)


def _raise(number: int, _frame: FrameType | None) -> NoReturn:
    raise Signalled(number)


@contextlib.contextmanager
def held(told: Callable[[], None]) -> Iterator[None]:
    """Let signals that come meanwhile do nothing; ``told`` is called at the first of them.

    They come to the main thread alone: in another one there is nothing to hold.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _handled(told, spared=0):
        yield


@contextlib.contextmanager
def raised_once(told: Callable[[], None]) -> Iterator[None]:
    """Raise the first signal that comes meanwhile and hold the next: none comes between it and what it has undone.

    They come to the main thread alone, as for :func:`held`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _handled(told, spared=1):
        yield


@contextlib.contextmanager
def _handled(told: Callable[[], None], spared: int) -> Iterator[None]:
    came = []

    def hold(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        if len(came) <= spared:
            raise Signalled(number)
        if len(came) == spared + 1:
            told()

    former = {number: signal.getsignal(number) for number in ENDING}
    holding = [number for number, handler in former.items() if handler is not signal.SIG_IGN]
    try:
        for number in holding:
            signal.signal(number, hold)
        yield
    finally:
        for number in holding:
            signal.signal(number, former[number])
