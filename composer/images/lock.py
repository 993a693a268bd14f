"""requirements.lock: every Python package of an image with its version and hashes, as uv writes it. Pure.

The first line says for what it was found out, so that a lock which no longer fits is known from its own text.
"""

from __future__ import annotations

import hashlib
import re

from composer.model.errors import ComposerError
from composer.model.federation import Image

_HEADER = "# Found out by composer for "
_OPTION = re.compile(r"(?:--(?!hash=)|-i\b|-f\b).*")


def lock_key(image: Image) -> str:
    """Return the SHA-256 (hex) of what decides which packages would be taken for ``image``."""
    asked = [image.base, *image.packages, "", *image.pip_options, "", image.requirements]
    return hashlib.sha256("\0".join(asked).encode()).hexdigest()


def key_of_lock(text: str) -> str:
    """Return the key that a lock was found out for; empty where it is none of composer's."""
    first = text.partition("\n")[0]
    return first.removeprefix(_HEADER).strip() if first.startswith(_HEADER) else ""


def render_lock(pins: str, image: Image) -> str:
    """Return the lock of an image.

    Args:
        pins: What ``uv pip compile --generate-hashes`` wrote.
        image: What it was made for; its requirements' options, such as another index, are kept.

    Raises:
        ComposerError: The index does not give the hashes of some package.
    """
    # A package's hashes are in lines of their own, below it.
    for line in pins.splitlines():
        if not line.startswith((" ", "#", "-")) and not line.endswith("\\"):
            raise ComposerError(f"the package index gives no SHA-256 of {line.split(' ')[0]}", "use an index that does")
    options = [line.strip() for line in image.requirements.splitlines() if _OPTION.fullmatch(line.strip())]
    note = "# To update the packages, delete this file and build again."
    return "\n".join([_HEADER + lock_key(image), note, *options, pins])


def render_unpinned(image: Image) -> str:
    """Return what stands for a lock where uv cannot be used: the requirements themselves, which pip takes each time."""
    return "\n".join([_HEADER + lock_key(image), "# Not pinned, since uv cannot be used.", image.requirements])
