"""What the use of images asks of the engine that keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from composer.deployment.image_record import RecordedImage
    from composer.model.command import Command


@dataclass(frozen=True)
class ImageFacts:
    """What the engine says of an image. ``shared`` are the bytes of its layers that other images have, too."""

    id: str
    size: int
    shared: int
    created: datetime
    labels: Mapping[str, str]


class ImageStore(Protocol):
    """An engine, as far as it keeps images.

    Attributes:
        program: Its command line tool.
    """

    program: str

    def saving(self, target: Path, tags: Sequence[str]) -> Command:
        """Return the command that writes images to one archive, in which what they share lies once."""

    def built_images(self) -> Mapping[str, RecordedImage]:
        """Return the images that composer has built, by tag."""

    def has_image(self, tag: str) -> bool:
        """Tell whether there is an image of that name."""

    def name_image(self, image: str, name: str) -> None:
        """Give an image one more name."""
