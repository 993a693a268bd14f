"""How a federation of Podman's containers lies in a deployment folder, and in a bundle. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from composer.deployment.layout import RUN_FILE
from composer.model.errors import ComposerError
from composer.model.federation import Federation, Participant
from composer.model.files import GeneratedFile
from composer.model.kinds import LOCAL
from composer.render.compose import mode_of
from composer.render.docker_form import DockerForm
from composer.render.dockerfile import inputs_hash, render_contexts
from composer.render.form import Origin
from composer.render.hosts import render_hosts
from composer.render.podman import image_name, render_run_file, run_document
from composer.render.quadlet import render_quadlets
from composer.render.remote import HOSTS

if TYPE_CHECKING:
    from composer.render.bundle import PackedImage, Target


class PodmanForm:
    """As containers, which Podman starts, or systemd by quadlets (a :class:`composer.render.form.Form`).

    Args:
        rootless: Whether Podman is run by an ordinary user.
    """

    packs: Literal["images", "wheels"] = "images"

    def __init__(self, rootless: bool) -> None:
        self._rootless = rootless

    def files(self, federation: Federation) -> tuple[GeneratedFile, ...]:
        """Return what Podman runs them with, their quadlets, and the images' build contexts.

        Raises:
            ComposerError: They are to run as Podman's containers do not yet.
        """
        _refuse(federation)
        here = tuple(participant for participant in federation.participants if participant.host == LOCAL)
        files: list[GeneratedFile] = []
        if here:
            part = replace(federation, participants=here)
            document = run_document(part, self._rootless)
            names = PurePosixPath(HOSTS, LOCAL, HOSTS) if federation.hosts else PurePosixPath(HOSTS)
            files.append(GeneratedFile(PurePosixPath(RUN_FILE), render_run_file(document).encode(), mode_of(here)))
            files.append(GeneratedFile(names, render_hosts(part).encode()))
            files += render_quadlets(document)
        files += render_contexts(federation.participants)
        return tuple(files)

    def origin(self, participant: Participant) -> Origin:
        """Return the participant's image, as Podman calls it."""
        return Origin(image_name(participant), inputs_hash(participant), participant.image.registry)

    def bundle(
        self,
        name: str,  # noqa: ARG002
        federation: Federation,  # noqa: ARG002
        target: Target | None,  # noqa: ARG002
        images: Mapping[str, PackedImage],  # noqa: ARG002
    ) -> tuple[GeneratedFile, ...]:
        """Refuse it.

        Raises:
            ComposerError: There are no bundles for Podman yet.
        """
        raise ComposerError("there are no bundles for Podman yet", "make bundles without containers: --runtime process")

    def warnings(self, federation: Federation) -> Iterator[str]:
        """Yield that containers run as root, where they do."""
        return DockerForm().warnings(federation)


def _refuse(federation: Federation) -> None:
    if federation.network == "bridge":
        raise ComposerError("network: bridge is not for Podman yet", "leave it out, or use runtime: docker")
    secret = next((one for one in federation.participants if one.private), None)
    if secret:
        raise ComposerError(
            f"{secret.name}: env_file and ${{NAME}} are not for Podman yet",
            "mount a file that its jobs read as data, or use runtime: docker",
        )
    there = next((one for one in federation.participants if one.host != LOCAL), None)
    if there:
        raise ComposerError(
            f"{there.name} cannot run under Podman on {there.host} yet: only on this machine",
            f"write runtime: docker or process in hosts.{there.host}",
        )
