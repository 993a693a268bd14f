"""Machines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from composer.model.kinds import Built, RuntimeName


@dataclass(frozen=True)
class Host:
    """A machine that participants run on, other than this one.

    Attributes:
        name: How the definition calls it.
        address: The IP address under which the other hosts find it.
        endpoint: How it is reached, ``ssh://...`` or ``context://...``; empty where composer does not go there.
        path: The folder there that holds the kits, workspaces and job store of this federation (absolute).
        build: Where the images of its participants are built: on this machine, or by its own engine.
        runtime: As what its participants run.
    """

    name: str
    address: str
    endpoint: str
    path: PurePosixPath
    build: Built = "here"
    runtime: RuntimeName = "docker"

    def is_place_of(self, other: Host) -> bool:
        """Tell whether both lead to the same folder, whatever else is said of it."""
        return (self.name, self.endpoint, self.path) == (other.name, other.endpoint, other.path)
