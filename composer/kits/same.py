"""Tells whether two folders hold the same startup kit: for one site more, NVFLARE provisions all of them anew."""

from __future__ import annotations

import filecmp
from pathlib import Path

# NVFLARE signs with a salt (PSS, nvflare/lighter/utils.py): no two signatures of the same files are alike.
_SIGNATURE = "signature.json"


def difference(one: Path, other: Path) -> str:
    """Return the first file in which the ``startup`` folders of two kits differ; empty where they are the same.

    What lies in ``local`` is the site's own, and tells nothing of the kit.

    Args:
        one: A kit's folder.
        other: Another's.
    """
    files = sorted(_files(one) | _files(other))
    return next((name for name in files if not _alike(one / name, other / name)), "")


def _files(kit: Path) -> set[str]:
    below = (path for path in (kit / "startup").rglob("*") if path.is_file() and path.name != _SIGNATURE)
    return {str(path.relative_to(kit)) for path in below}


def _alike(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)
