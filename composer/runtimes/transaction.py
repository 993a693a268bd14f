"""What is being taken back: no signal cuts it short, and one step that fails keeps no other from being tried."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from composer.model.errors import ComposerError
from composer.model.reporter import some_of
from composer.system.signals import INTERRUPTS, held, postponed, raised_once

if TYPE_CHECKING:
    from composer.model.reporter import Reporter


_NOT_TAKEN_BACK = "not everything could be taken back: {}; see what runs with: composer status"


def one_signal_raised(reporter: Reporter) -> contextlib.AbstractContextManager[None]:
    """Let the first signal that comes meanwhile end the block, and the next ones wait for what that takes back."""
    return raised_once(lambda: _ask_to_wait(reporter))


def _ask_to_wait(reporter: Reporter) -> None:
    reporter.warn("what was started is being taken back: please wait")


def held_while_taken_back(reporter: Reporter) -> contextlib.AbstractContextManager[None]:
    """Let no signal end what is taken back meanwhile; who sends one is asked to wait."""
    return held(lambda: _ask_to_wait(reporter))


def postponed_while_taken_back(reporter: Reporter) -> contextlib.AbstractContextManager[None]:
    """Do the same where something else goes on: a signal that comes meanwhile ends that afterwards."""
    return postponed(lambda: _ask_to_wait(reporter))


@contextlib.contextmanager
def remaining_named(running: Callable[[], Sequence[str]], reporter: Reporter) -> Iterator[None]:
    """Run the block that stops participants; where it fails or is interrupted, say who runs still."""
    try:
        yield
    except (ComposerError, *INTERRUPTS):
        with contextlib.suppress(ComposerError):
            if names := running():
                reporter.warn(f"not stopped yet: {some_of(names)}; end them with: composer down")
        raise


def attempt(reporter: Reporter, step: Callable[[], object], told: str = _NOT_TAKEN_BACK) -> None:
    """Take one step of those that follow a failure; where it fails too, that is told, and the others are taken.

    Args:
        reporter: Hears of it.
        step: Whatever it raises must not hide the failure that came first.
        told: What is said where it fails; the cause stands in place of the braces.
    """
    try:
        step()
    except Exception as error:
        reporter.warn(told.replace("{}", _cause(error), 1))


def _cause(error: Exception) -> str:
    if isinstance(error, ComposerError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return repr(error)
