"""Where the PIN of an archive comes from: a file, the environment or a prompt; never the command line."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING

import click

from composer.model.errors import ComposerError
from composer.system.foreign_text import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def pin_from(file: Path | None) -> Callable[[Path], str]:
    """Return what asks for an archive's PIN, at most once for each: ``--pin-file``, $COMPOSER_PIN, a prompt."""

    @cache
    def ask(archive: Path) -> str:
        if file is not None:
            return _read(file)
        if os.environ.get("COMPOSER_PIN"):
            return os.environ["COMPOSER_PIN"]
        if not sys.stdin.isatty():
            raise ComposerError(f"{archive} is protected by a PIN", "give it in $COMPOSER_PIN or by --pin-file")
        entered: str = click.prompt(clean_line(f"PIN of {archive.name}"), hide_input=True, err=True)
        return entered

    return ask


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise ComposerError(
            f"the PIN cannot be read from {file}", "check --pin-file: a text file of one line"
        ) from None
