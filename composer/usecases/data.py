"""What participants are to see of this machine, and whether it is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from composer.model.federation import Federation
from composer.model.kinds import LOCAL

DATA_HINT = "make it, mount it, or correct data in composer.yml"


def missing_data(federation: Federation) -> Iterator[tuple[str, Path]]:
    """Yield each source of data on this machine that does not exist, with who is to see it."""
    for participant in federation.on(LOCAL).participants:
        for mount in participant.data:
            if not mount.source.exists():
                yield participant.name, mount.source
