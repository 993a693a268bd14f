"""What generating would change, as text. Pure."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import PurePosixPath

from composer.deployment.layout import is_private_file


@dataclass(frozen=True)
class Difference:
    """A file as it is and as it would be; None where it is not, or would not be."""

    path: str
    present: bytes | None
    generated: bytes | None


def unified(difference: Difference) -> str:
    """Return a unified diff from the file that is there to the one that would be generated."""
    if is_private_file(PurePosixPath(difference.path)):
        return f"--- {difference.path}\n+++ {difference.path}\n(values that are secret are not shown)\n"
    present, generated = (_lines(content) for content in (difference.present, difference.generated))
    if present is None or generated is None:
        return f"--- {difference.path}\n+++ {difference.path}\n(not text)\n"
    names = ("/dev/null" if difference.present is None else difference.path, difference.path)
    if difference.generated is None:
        names = (difference.path, "/dev/null")
    return "".join(_ended(line) for line in difflib.unified_diff(present, generated, *names))


def _lines(content: bytes | None) -> list[str] | None:
    try:
        return (content or b"").decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        return None


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
