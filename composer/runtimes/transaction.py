"""What is being taken back: no signal cuts it short, and one step that fails keeps no other from being tried."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from composer.model.errors import ComposerError
from composer.model.reporter import some_of
from composer.system.signals import INTERRUPTS, held, raised_once

if TYPE_CHECKING:
    from composer.model.reporter import Reporter


def one_signal_raised(reporter: Reporter) -> contextlib.AbstractContextManager[None]:
    """Let the first signal that comes meanwhile end the block, and the next ones wait for what that takes back."""
    return raised_once(lambda: _ask_to_wait(reporter))


def _ask_to_wait(reporter: Reporter) -> None:
    reporter.warn("what was started is being taken back: please wait")


def held_while_taken_back(reporter: Reporter) -> contextlib.AbstractContextManager[None]:
    """Let no signal end what is taken back meanwhile; who sends one is asked to wait."""
    return held(lambda: _ask_to_wait(reporter))


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


def attempt(reporter: Reporter, step: Callable[[], object]) -> None:
    """Take one step back; where it fails the others are taken all the same."""
    try:
        step()
    except ComposerError as error:
        reporter.warn(f"not everything could be taken back: {error.message}; see what runs with: composer status")
