"""How long a command line takes to say anything, and to find out that there is nothing to say."""

from __future__ import annotations

import sys
import tempfile

from tests.bench.figure import Figure, seconds
from tests.conftest import COMPOSER, run

RUNS = 9


def figures() -> list[Figure]:
    """``composer --help`` and ``status`` against ``nvflare --help``, in the same virtual environment."""
    ours, looked, theirs = [], [], []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for _ in range(RUNS):
            ours.append(seconds(lambda: run([*COMPOSER, "--help"])))
            looked.append(seconds(lambda: run([*COMPOSER, "status", "-C", folder])))
            theirs.append(seconds(lambda: run([sys.executable, "-m", "nvflare.cli", "--help"])))
    return [
        Figure("composer --help", tuple(ours), 0.35, "`nvflare --help`", tuple(theirs)),
        Figure("composer status where nothing is deployed", tuple(looked), 0.35, "`nvflare --help`", tuple(theirs)),
    ]
