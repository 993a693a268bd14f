"""``composer check`` over many kits: at most 3 s for 1,000, and no more for each the more there are."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from composer.kits.checks import CheckOptions, check_kits
from tests import kitmaker
from tests.authority import NOW, key
from tests.bench.figure import Figure, timed
from tests.kitmaker import Project, provision

_PROMISED = 3.0
_SIZES = (1000, 2000)
_RUNS = 3


def figures() -> list[Figure]:
    """1,000 kits against the promise, and 2,000 against twice that."""
    # A key takes a while to make and kits only need some; that they are alike is then no news.
    few = key
    with patch.object(kitmaker, "key", lambda label: few(f"bench {hash(label) % 16}")):
        took = {size: _check(size) for size in _SIZES}
    return [
        Figure("check 1,000 kits (2.7, each file signed)", took[1000], _PROMISED),
        Figure("check 2,000 kits", took[2000], 2.5, "for 1,000", took[1000]),
    ]


def _check(size: int) -> tuple[float, ...]:
    with tempfile.TemporaryDirectory() as folder:
        clients = tuple(f"site-{number}" for number in range(size - 2))
        made = provision(Path(folder), Project("2.7", clients=clients, begins=NOW - timedelta(days=1)))
        return tuple(_once(made.prod, Path(folder) / f"none-{run}", size) for run in range(_RUNS))


def _once(prod: Path, unpack_into: Path, size: int) -> float:
    options = CheckOptions(NOW, ignore=frozenset({"DUP", "MAX-CLIENTS"}))
    with timed() as watch:
        report = check_kits([prod], unpack_into, options)
    assert len(report.kits) == size
    assert report.findings == ()
    return watch.seconds
