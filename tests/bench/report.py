"""``composer report`` and ``topology`` of 300 participants: within 3 s, and no page of more than 2 MB."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest.mock import patch

from tests import kitmaker
from tests.bench.figure import Figure, seconds
from tests.conftest import composer
from tests.kitmaker import Project, provision

_PARTICIPANTS = 300
_RUNS = 5


def figures() -> list[Figure]:
    """From kits alone; the engine is asked as ``doctor`` asks it."""
    few = kitmaker.key
    clients = tuple(f"site-{number}" for number in range(_PARTICIPANTS - 2))
    begins = datetime.now(timezone.utc) - timedelta(days=1)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        # A key takes a while to make; that they are alike is a finding, and no more work.
        with patch.object(kitmaker, "key", lambda label: few(f"bench {hash(label) % 16}")):
            kits = provision(folder, Project("2.9", clients=clients, begins=begins)).prod
        page = folder / "report.html"
        reported = [seconds(lambda: composer("report", kits, "-o", page, cwd=folder)) for _ in range(_RUNS)]
        drawn = [seconds(lambda: composer("topology", kits, cwd=folder)) for _ in range(_RUNS)]
        size = page.stat().st_size / 1e6
    return [
        Figure("report of 300 participants", tuple(reported), 3.0),
        Figure("report of 300 participants, size", (size,), 2.0, unit="MB"),
        Figure("topology of 300 participants", tuple(drawn), 1.5),
    ]
