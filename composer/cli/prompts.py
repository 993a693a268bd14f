"""What composer asks on the terminal, and how a command ends that gets no answer.

click makes its own "Aborted!" of whatever ends a prompt, and 1 of its status. Here a signal stays the signal that it
is, and the end of the input is a failure like any other.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from composer.model.errors import ComposerError
from composer.system.foreign_text import clean_line
from composer.system.signals import Signalled

if TYPE_CHECKING:
    from collections.abc import Iterator


def can_ask() -> bool:
    """Tell whether somebody can answer: standard input is a terminal."""
    return sys.stdin.isatty()


def confirmed(question: str) -> bool:
    """Ask a question that only a yes agrees to.

    Raises:
        ComposerError: The input ended before an answer.
        Signalled: A signal came before an answer.
    """
    with _answering():
        return click.confirm(clean_line(question), err=True)


def secret(what: str, twice: bool = False) -> str:
    """Ask for something that the terminal does not show, ``twice`` where a slip would be found too late.

    Raises:
        ComposerError: The input ended before an answer.
        Signalled: A signal came before an answer.
    """
    with _answering():
        entered: str = click.prompt(clean_line(what), hide_input=True, confirmation_prompt=twice, err=True)
        return entered


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except click.Abort as aborted:
        # What is said next begins a line of its own.
        click.echo(err=True)
        if isinstance(aborted.__context__, Signalled):
            raise aborted.__context__ from None
        raise ComposerError(
            "there was no answer: the input has ended", "run it again and answer, or see --help for what saves asking"
        ) from None
