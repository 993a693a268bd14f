"""How Podman builds images (a :class:`composer.images.build.Builder`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from composer.images.build_network import needs_host
from composer.model.command import Command
from composer.model.federation import Image, Wheelhouse
from composer.render.dockerfile import BUILD_ARGUMENTS, WHEELS_DOCKERFILE, build_secrets


class PodmanBuilder:
    """``podman build``, which reads the same Dockerfiles."""

    def build(self, context: Path, image: Image, tags: Sequence[str], offline: bool) -> Command:
        """Return the command that builds an image and gives it all of ``tags``."""
        names = [part for tag in tags for part in ("--tag", tag)]
        network = ("--network", "none", "--pull=never") if offline else _network(image)
        return _podman_build(image, *network, *names, str(context))

    def build_wheels(self, deployment: Path, wheels: Wheelhouse) -> Command:
        """Return the command that makes a wheelhouse an image, which participants' builds then mount."""
        argv = ("podman", "build", "--tag", wheels.image, "--file", str(deployment / WHEELS_DOCKERFILE))
        return Command((*argv, str(wheels.folder)))

    def export(self, context: Path, target: str, folder: Path, image: Image) -> Command:
        """Return the command that builds ``target`` of a build context and puts what is in it into ``folder``."""
        output = f"type=local,dest={folder}"
        return _podman_build(image, *_network(image), "--target", target, "--output", output, str(context))


def _network(image: Image) -> tuple[str, ...]:
    return ("--network", "host") if needs_host(image) else ()


def _podman_build(image: Image, *arguments: str) -> Command:
    secrets = [part for name, file in build_secrets(image) for part in ("--secret", f"id={name},src={file}")]
    given = [part for name in BUILD_ARGUMENTS for part in ("--build-arg", name)]
    # Docker's format knows health checks and shells, as the Dockerfiles have them.
    return Command(("podman", "build", "--format", "docker", *secrets, *given, *arguments))
