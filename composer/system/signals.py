"""Signals that end a command: each becomes an exception, and is held while what was started is taken back."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

# A terminal's Ctrl-C, a manager's request, a terminal that goes away.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "its terminal has gone"}


class Signalled(BaseException):
    """A signal has come that ends the command.

    It is no KeyboardInterrupt, which libraries catch and end with words and a status of their own.

    Attributes:
        number: Of the signal.
        lost: It was raised where Python drops what is raised, and the signal comes once more.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = signal.Signals(number)
        self.lost = False

    @property
    def told(self) -> str:
        """What it means, in a word or two."""
        return _WORDS[self.number]

    @property
    def exit_code(self) -> int:
        """As shells have it for a command that a signal has ended."""
        return 128 + self.number


# What ends a command from outside: a signal, and Ctrl-C where composer is a library.
INTERRUPTS = (KeyboardInterrupt, Signalled)


def install() -> None:
    """From now on, let each signal that ends a command raise :class:`Signalled`.

    One that whoever started composer has it ignore (nohup, a shell's background jobs) stays ignored.
    """
    sys.unraisablehook = _come_again
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _raise)


def ignore() -> None:
    """Let signals do nothing from now on: the command ends by one, and only has to say so."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def _raise(number: int, _frame: FrameType | None) -> NoReturn:
    raise Signalled(number)


def _come_again(dropped: sys.UnraisableHookArgs) -> None:
    """Have a signal come once more of which Python would only tell: it came in a destructor, or in a callback."""
    signalled = dropped.exc_value
    if not isinstance(signalled, Signalled):
        sys.__unraisablehook__(dropped)
        return
    signalled.lost = True
    # By then the main thread has left it.
    again = threading.Timer(0.005, signal.pthread_kill, (threading.main_thread().ident, signalled.number))
    again.daemon = True
    again.start()


@contextlib.contextmanager
def handled(handler: Callable[[int], None]) -> Iterator[None]:
    """Call ``handler`` with the number of each signal that comes meanwhile, in place of what else it would do.

    They come to the main thread alone: in another one there is nothing to handle.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.getsignal(number) for number in ENDING}
    handling = [number for number, one in former.items() if one is not signal.SIG_IGN]
    try:
        for number in handling:
            signal.signal(number, lambda came, _frame: handler(came))
        yield
    finally:
        for number in handling:
            signal.signal(number, former[number])


def held(told: Callable[[], None]) -> contextlib.AbstractContextManager[None]:
    """Let signals that come meanwhile do nothing; ``told`` is called at the first of them."""
    return handled(_holding(told, spared=0))


@contextlib.contextmanager
def postponed(told: Callable[[], None]) -> Iterator[None]:
    """Hold signals that come meanwhile, as :func:`held` does, and let the first of them do its work after the block."""
    came: list[int] = []

    def keep(number: int) -> None:
        came.append(number)
        if len(came) == 1:
            told()

    with handled(keep):
        yield
    if came:
        signal.raise_signal(came[0])


def raised_once(told: Callable[[], None]) -> contextlib.AbstractContextManager[None]:
    """Raise the first signal that comes meanwhile and hold the next: none comes between it and what it has undone."""
    return handled(_holding(told, spared=1))


def _holding(told: Callable[[], None], spared: int) -> Callable[[int], None]:
    came: list[Signalled] = []

    def hold(number: int) -> None:
        came[:] = [*(one for one in came if not one.lost), Signalled(number)]
        if len(came) <= spared:
            raise came[-1]
        if len(came) == spared + 1:
            told()

    return hold
