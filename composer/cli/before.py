"""Options before the command, where Compose, make and git have them: they count as if they stood behind it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_KEY = "composer.before"
_PATH = click.Path(path_type=Path)


def before_the_command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add -v, -q, -C and -f to the group of all commands, and keep what is given."""

    @click.option("-v", "--verbose", is_flag=True, help="Show the commands that run, and their output.")
    @click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
    @click.option("-C", "--deployment", type=_PATH, help="The deployment folder.")
    @click.option("-f", "--file", "definition", type=_PATH, help="The definition, for commands that read one.")
    @functools.wraps(function)
    def wrapper(**given: Any) -> Any:
        click.get_current_context().meta[_KEY] = given
        return function()

    return wrapper


def given_before(name: str) -> Any:
    """Return the value that an option has before the command; None where it does not stand there."""
    return click.get_current_context().meta.get(_KEY, {}).get(name)
