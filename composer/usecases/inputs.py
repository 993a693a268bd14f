"""What a command is given: kits, definition, deployment folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from composer.deployment.manifest import Manifest
from composer.deployment.recorded import read_manifest
from composer.model.errors import ComposerError


@dataclass(frozen=True)
class Inputs:
    """What a command was given: kits and a definition, which may both be missing, and the deployment folder.

    ``pin`` is asked for the PIN of an archive that needs one; ``nearby`` is the definition for a deployment that was
    made without one. The folder is kept by its real path, which is what its processes and containers are known by.
    """

    kits: tuple[Path, ...]
    definition: Path | None
    deployment: Path
    pin: Callable[[Path], str] | None = None
    nearby: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "deployment", Path(os.path.realpath(self.deployment)))


def deployed(deployment: Path) -> Manifest:
    """Return what a deployment folder says of itself.

    Raises:
        ComposerError: It is no deployment folder.
    """
    manifest = read_manifest(deployment)
    if manifest is None:
        raise ComposerError(
            f"{deployment} is not a deployment folder", "name it with -C DIR, or make one: composer up KITS"
        )
    return manifest
