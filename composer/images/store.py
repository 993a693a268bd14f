"""What the use of images asks of the engine that keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from composer.deployment.image_record import RecordedImage


@dataclass(frozen=True)
class ImageFacts:
    """What the engine says of an image. ``shared`` are the bytes of its layers that other images have, too."""

    id: str
    size: int
    shared: int
    created: datetime
    labels: Mapping[str, str]


class ImageStore(Protocol):
    """An engine, as far as it keeps images."""

    def built_images(self) -> Mapping[str, RecordedImage]:
        """Return the images that composer has built, by tag."""

    def has_image(self, tag: str) -> bool:
        """Tell whether there is an image of that name."""

    def name_image(self, image: str, name: str) -> None:
        """Give an image one more name."""
