"""How a runtime has a federation lie in a deployment folder, and in a bundle. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal, Protocol

from composer.deployment.layout import COMPOSE_FILE
from composer.model import LOCAL, Federation, GeneratedFile, Participant
from composer.render.bundle import PackedImage, Target, render_docker_bundle, render_process_bundle
from composer.render.compose import mode_of, render_compose
from composer.render.dockerfile import inputs_hash, render_context, render_wheels
from composer.render.far import HOSTS, render_host
from composer.render.hosts import render_hosts
from composer.render.metal import VENVS, environment_name, render_metal


@dataclass(frozen=True)
class Origin:
    """What a participant runs from.

    Attributes:
        name: An image's tag, or a virtual environment's folder, relative to the deployment folder.
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
        """Return what starts the participants, for a deployment folder."""

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


class Contained:
    """As containers, which Compose starts."""

    packs: Literal["images", "wheels"] = "images"

    def files(self, federation: Federation) -> tuple[GeneratedFile, ...]:
        """Return the Compose files, one for each host, and the images' build contexts."""
        files = [file for host in federation.hosts for file in render_host(federation, host)]
        here = tuple(participant for participant in federation.participants if participant.host == LOCAL)
        if here:
            part = replace(federation, participants=here)
            names = PurePosixPath(HOSTS, LOCAL, HOSTS) if federation.hosts else PurePosixPath(HOSTS)
            files.append(GeneratedFile(PurePosixPath(COMPOSE_FILE), render_compose(part).encode(), mode_of(here)))
            files.append(GeneratedFile(names, render_hosts(part).encode()))
        if any(participant.image.wheels for participant in federation.participants):
            files += render_wheels()
        for participant in federation.participants:
            files += render_context(participant)
        return tuple(files)

    def origin(self, participant: Participant) -> Origin:
        """Return the participant's image."""
        return Origin(participant.image.tag, inputs_hash(participant), participant.image.registry)

    def bundle(
        self,
        name: str,
        federation: Federation,
        target: Target | None,  # noqa: ARG002
        images: Mapping[str, PackedImage],
    ) -> tuple[GeneratedFile, ...]:
        """Return a Compose file whose paths are relative, and scripts."""
        return render_docker_bundle(name, federation, images)

    def warnings(self, federation: Federation) -> Iterator[str]:
        """Yield that containers run as root, where they do."""
        if any(one.user.uid == 0 for one in federation.participants if one.host == LOCAL):
            yield (
                "the kits belong to root, so the containers run as root (without capabilities); "
                "give the kits, or the archive that they came in, to an ordinary user to avoid that"
            )


class Plain:
    """As plain processes, which scripts start."""

    packs: Literal["images", "wheels"] = "wheels"

    def files(self, federation: Federation) -> tuple[GeneratedFile, ...]:
        """Return the scripts, and what they must know of each participant."""
        return render_metal(federation.participants)

    def origin(self, participant: Participant) -> Origin:
        """Return the participant's virtual environment."""
        name = environment_name(participant.image)
        return Origin(f"{VENVS}/{name}", name)

    def bundle(
        self,
        name: str,
        federation: Federation,
        target: Target | None,
        images: Mapping[str, PackedImage],  # noqa: ARG002
    ) -> tuple[GeneratedFile, ...]:
        """Return the same scripts."""
        return render_process_bundle(name, federation, target)

    def warnings(self, federation: Federation) -> Iterator[str]:  # noqa: ARG002
        """Yield nothing: they run as whoever starts them."""
        yield from ()
