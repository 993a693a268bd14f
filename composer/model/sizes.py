"""Sizes of memory as Docker and Compose read them (docker/go-units, ``RAMInBytes``). Pure."""

from __future__ import annotations

import re

_FORM = re.compile(r"(\d{1,15}(?:\.\d{1,15})?) ?(?:([kmgtp])?i?b?)", re.ASCII | re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}


def parse_size(text: str) -> int:
    """Return how many bytes a size is: ``16g``, ``1.5 GiB``, ``512m``, or a number of bytes.

    Raises:
        ValueError: It is no size.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return int(float(found[1]) * _UNITS[(found[2] or "").lower()])


def in_gib(size: int) -> str:
    """Return a size as it is told to people."""
    return f"{size / (1 << 30):.1f}".removesuffix(".0") + " GiB"
