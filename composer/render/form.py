"""How a runtime has a federation lie in a deployment folder, and in a bundle. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from composer.model.federation import Federation, Participant
from composer.model.files import GeneratedFile

if TYPE_CHECKING:
    from composer.render.bundle import PackedImage, Target


@dataclass(frozen=True)
class Origin:
    """What a participant runs from.

    Attributes:
        name: An image's tag, or a Python environment's folder, relative to the deployment folder unless it is absolute.
        inputs: What tells one that was made of the same from others.
        registry: The registry that has it; empty where it is made here.
    """

    name: str
    inputs: str
    registry: str = ""


class Form(Protocol):
    """How the participants of one runtime are written down.

    Attributes:
        packs: What a bundle can bring along, so that nothing is fetched where it is unpacked.
    """

    packs: Literal["images", "wheels"]

    def files(self, federation: Federation) -> tuple[GeneratedFile, ...]:
        """Return what starts the participants, for a deployment folder.

        Args:
            federation: With the participants of this runtime only, and all hosts.
        """

    def origin(self, participant: Participant) -> Origin:
        """Return what a participant runs from."""

    def bundle(
        self, name: str, federation: Federation, target: Target | None, images: Mapping[str, PackedImage]
    ) -> tuple[GeneratedFile, ...]:
        """Return what starts the participants, for a bundle.

        Args:
            name: The bundle's.
            federation: With the participants of one host only.
            target: What the wheels in it are for; None: there are none.
            images: Those that are packed, by participant.
        """

    def warnings(self, federation: Federation) -> Iterator[str]:
        """Yield what a user should know of how they will run."""
