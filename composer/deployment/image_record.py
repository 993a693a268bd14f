"""Which images were built, pulled or taken for a deployment, by their IDs: a label says only what it was copied from.

Whoever builds on one of these images hands its labels on, and may give the result its name. An engine's ID of an image
is that engine's own, so there is a record for each host.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from composer.deployment.layout import IMAGES
from composer.model.errors import ComposerError
from composer.model.kinds import LOCAL


@dataclass(frozen=True)
class RecordedImage:
    """An image: the inputs that it was built from, its ID on the engine, and its digest in a registry, if in any."""

    inputs: str
    id: str
    digest: str = ""


@dataclass(frozen=True)
class ImageRecord:
    """The record of one host in a deployment folder."""

    deployment: Path
    host: str = LOCAL

    @property
    def _path(self) -> Path:
        return self.deployment / IMAGES / f"{self.host}.json"

    def read(self) -> dict[str, RecordedImage]:
        """Return the images that are known, by tag.

        Raises:
            ComposerError: The record cannot be read.
        """
        try:
            document = json.loads(self._path.read_bytes())
            return {str(tag): RecordedImage(**image) for tag, image in document.items()}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ComposerError(f"{self._path} is damaged", "delete it, and build anew: composer build") from error

    def add(self, images: Mapping[str, RecordedImage]) -> None:
        """Record images under their tags.

        Raises:
            ComposerError: The record cannot be read or written.
        """
        known = self.read()
        if all(known.get(tag) == image for tag, image in images.items()):
            return
        text = json.dumps({tag: asdict(image) for tag, image in sorted({**known, **images}.items())}, indent=2)
        part = self._path.with_name(f"{self._path.name}.part")
        try:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            part.unlink(missing_ok=True)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text + "\n")
            part.replace(self._path)
        except OSError as error:
            raise ComposerError(f"cannot write {self._path}: {error.strerror}", "make room there") from error
