"""How long a command line takes to say anything."""

from __future__ import annotations

import sys

from tests.bench.figure import Figure, seconds
from tests.conftest import COMPOSER, run

RUNS = 9


def figures() -> list[Figure]:
    """``composer --help`` against ``nvflare --help``, in the same virtual environment."""
    ours, theirs = [], []
    for _ in range(RUNS):
        ours.append(seconds(lambda: run([*COMPOSER, "--help"])))
        theirs.append(seconds(lambda: run([sys.executable, "-m", "nvflare.cli", "--help"])))
    return [Figure("composer --help", tuple(ours), 0.35, "`nvflare --help`", tuple(theirs))]
