"""The nearest of the names that there are to one that there is not."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the name that was probably meant; empty where none is near.

    Args:
        name: What was written, with letters missing, too many, swapped or in capitals.
        known: What there is.
    """
    # It takes as long to import as a short command takes.
    from difflib import get_close_matches

    folded = {one.casefold(): one for one in known}
    found = get_close_matches(name.casefold(), folded, n=1, cutoff=0.7)
    return folded[found[0]] if found else ""
