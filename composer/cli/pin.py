"""Where the PIN of an archive comes from: a file, the environment or a prompt; never the command line."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from composer.cli.prompts import can_ask, secret
from composer.model.errors import ComposerError

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
        if not can_ask():
            raise ComposerError(f"{archive} is protected by a PIN", "give it in $COMPOSER_PIN or by --pin-file")
        return secret(f"PIN of {archive.name}")

    return ask


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise ComposerError(
            f"the PIN cannot be read from {file}", "check --pin-file: a text file of one line"
        ) from None
