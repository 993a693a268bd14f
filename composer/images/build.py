"""How images are built: which commands do it, and what a failed one means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from composer.deployment.image_record import ImageRecord, RecordedImage
from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.images.build_network import build_network
from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError
from composer.model.federation import Image, Wheelhouse
from composer.render.dockerfile import BUILD_ARGUMENTS, WHEELS_DOCKERFILE, build_secrets
from composer.system.process import run

if TYPE_CHECKING:
    from composer.images.store import ImageStore
    from composer.model.reporter import Reporter

_BUILDX = "install Docker's buildx plugin (docker-buildx-plugin)"


class Builder(Protocol):
    """The commands by which one engine builds images."""

    def build(self, context: Path, image: Image, tags: Sequence[str], offline: bool) -> Command:
        """Return the command that builds an image and gives it all of ``tags``.

        Args:
            context: ``images/<service>/`` of one of those that share the image.
            image: What goes into it.
            tags: Of all that share it.
            offline: Leave all steps without a network.
        """

    def build_wheels(self, deployment: Path, wheels: Wheelhouse) -> Command:
        """Return the command that makes a wheelhouse an image, which participants' builds then mount."""

    def export(self, context: Path, target: str, folder: Path, image: Image) -> Command:
        """Return the command that builds ``target`` of a build context and puts what is in it into ``folder``."""


def stale(
    manifest: Manifest, images: Mapping[str, RecordedImage], recorded: Mapping[str, RecordedImage]
) -> tuple[DeployedParticipant, ...]:
    """Return the participants whose image is missing, was built from other inputs, or is not the one that is recorded.

    Args:
        manifest: Of the participants.
        images: What the engine has, by tag; their inputs are what their labels say.
        recorded: What was built or pulled for the deployment, by tag.
    """
    return tuple(p for p in manifest.participants if not is_fresh(p, images, recorded))


def is_fresh(
    participant: DeployedParticipant, images: Mapping[str, RecordedImage], recorded: Mapping[str, RecordedImage]
) -> bool:
    """Tell whether the engine has the participant's image as it should be; as for :func:`stale`."""
    found = images.get(participant.image)
    return found is not None and found.inputs == participant.inputs and not is_replaced(found, participant, recorded)


def is_replaced(found: RecordedImage, participant: DeployedParticipant, recorded: Mapping[str, RecordedImage]) -> bool:
    """Tell whether an image has its name and its label, and is another than the one that is recorded."""
    known = recorded.get(participant.image)
    return known is not None and known.inputs == participant.inputs == found.inputs and known.id != found.id


def find_stale(
    engine: ImageStore, manifest: Manifest, record: ImageRecord, reporter: Reporter, dry_run: bool = False
) -> tuple[DeployedParticipant, ...]:
    """Return what :func:`stale` does, and say which images somebody else has put there.

    What has the right label and was never recorded is taken and recorded: it was loaded, or another deployment's.

    Raises:
        ComposerError: The record cannot be read or written.
    """
    images, recorded = engine.built_images(), record.read()
    waiting = stale(manifest, images, recorded)
    taken = {}
    for participant in manifest.participants:
        tag, found = participant.image, images.get(participant.image)
        known = recorded.get(tag)
        if found is None or found.inputs != participant.inputs or tag in taken:
            continue
        if is_replaced(found, participant, recorded):
            reporter.step(f"Replacing {tag}: it is not the image that was made for this deployment ({found.id[:19]})")
        elif known is None or known.inputs != participant.inputs:
            taken[tag] = found
            reporter.step(f"Taking {tag} as this engine has it ({found.id[:19]}): nothing is recorded of it yet")
    if not dry_run:
        record.add(taken)
    return waiting


def record_made(engine: ImageStore, made: Sequence[DeployedParticipant], record: ImageRecord) -> None:
    """Record images that were just made or pulled.

    Raises:
        ComposerError: The record cannot be written.
    """
    images, recorded = engine.built_images(), record.read()
    digests = {tag: one.digest for tag, one in recorded.items()}
    found = {p.image: images[p.image] for p in made if p.image in images}
    record.add(
        {
            tag: replace(one, digest=digests[tag]) if tag in recorded and recorded[tag].id == one.id else one
            for tag, one in found.items()
        }
    )


def require_buildx() -> str:
    """Make sure that BuildKit can be used and return the builder whose images the engine itself sees.

    A user's own choice of a builder (``docker buildx use``) may keep its images in a container or elsewhere.

    Raises:
        ComposerError: The buildx plugin is missing.
    """
    try:
        run(Command(("docker", "buildx", "version")), timeout=30)
    except CommandFailed as error:
        raise ComposerError("images cannot be built: Docker's buildx is not installed", _BUILDX) from error
    return run(Command(("docker", "context", "show")), timeout=30).strip() or "default"


def buildx() -> Builder:
    """Return how Docker's engine builds images.

    Raises:
        ComposerError: The buildx plugin is missing.
    """
    return Buildx(require_buildx())


@dataclass(frozen=True)
class Buildx:
    """BuildKit, by a builder as :func:`require_buildx` returns it.

    Compose's own build is not used: it writes the service's name, that is the site's, into the image.
    """

    builder: str

    def build(self, context: Path, image: Image, tags: Sequence[str], offline: bool) -> Command:
        """As :meth:`Builder.build`."""
        names = [part for tag in tags for part in ("--tag", tag)]
        network = build_network(image, offline)
        return _buildx(image, self.builder, "--network", network, "--load", *names, str(context))

    def build_wheels(self, deployment: Path, wheels: Wheelhouse) -> Command:
        """As :meth:`Builder.build_wheels`."""
        argv = ("docker", "buildx", "build", "--progress", "plain", "--load", "--tag", wheels.image)
        dockerfile = ("--file", str(deployment / WHEELS_DOCKERFILE))
        return Command((*argv, *dockerfile, str(wheels.folder)), _builder(self.builder))

    def export(self, context: Path, target: str, folder: Path, image: Image) -> Command:
        """As :meth:`Builder.export`."""
        output = f"type=local,{_field('dest', folder)}"
        network = build_network(image, offline=False)
        return _buildx(image, self.builder, "--network", network, "--target", target, "--output", output, str(context))


def _buildx(image: Image, builder: str, *arguments: str) -> Command:
    secrets = [part for name, file in build_secrets(image) for part in ("--secret", f"id={name},{_field('src', file)}")]
    given = [part for name in BUILD_ARGUMENTS for part in ("--build-arg", name)]
    argv = ("docker", "buildx", "build", "--progress", "plain", *secrets, *given, *arguments)
    return Command(argv, _builder(builder))


def _field(name: str, path: Path) -> str:
    """Return a field of an option that buildx reads as a line of CSV, in which a path may hold anything."""
    field = f"{name}={path}"
    return '"' + field.replace('"', '""') + '"' if re.search('[",\r\n]', field) else field


def _builder(name: str) -> tuple[tuple[str, str], ...]:
    return (("BUILDX_BUILDER", name), ("DOCKER_BUILDKIT", "1"))


# What the tools say, and what that means; the first that fits is told.
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|[Cc]ertificate verification failed"
        r"|invalid peer certificate",
        "the package index's TLS certificate is not trusted",
        "a proxy may intercept TLS: name its CA in composer.yml, image.ca_bundle: FILE",
    ),
    (
        r"THESE PACKAGES DO NOT MATCH THE HASHES|Hash mismatch for ",
        "a package is not the one that requirements.lock names",
        "if you trust the index, delete images/*/requirements.lock in the deployment folder, and build again",
    ),
    (
        r"x509: certificate signed by unknown authority",
        "the registry's TLS certificate is not trusted by the engine",
        "give the engine your CA (/etc/docker/certs.d), or load the base image: docker load -i FILE",
    ),
    (
        r"(?:failed to resolve source metadata|failed to do request|pull access denied|no such host.*registry"
        r"|initializing source docker://|short-name .* did not resolve)",
        "the base image is not on this engine, and no registry gives it",
        "load it (docker load -i FILE), or name another in composer.yml, image.base",
    ),
    (
        r"no space left on device",
        "the engine's disk is full",
        "make room: docker builder prune, docker image prune",
    ),
    (
        r"Unable to locate package (?P<what>\S+)",
        "Debian has no package {what} for this base image",
        "correct image.packages in composer.yml",
    ),
    (
        r"(?:NewConnectionError|Failed to establish a new connection|ConnectTimeoutError|NameResolutionError"
        r"|Cannot connect to proxy|error: Failed to fetch: )",
        "the package index cannot be reached",
        "see the network and the proxy, name your own index in image.pip_config, or bring wheels: image.wheels",
    ),
    (
        r"(?:Temporary failure resolving|Could not resolve|Unable to fetch some archives|Failed to fetch)",
        "Debian's packages cannot be reached",
        "see the network and the proxy, or take an image.base that has the packages and Python in it",
    ),
    (
        r"(?:No matching distribution found for|there (?:is|are) no versions? of"
        r"|was not found in the (?:package registry|provided package locations) and (?:you require|\S+ depends on))"
        r" (?P<what>[^\s,]+)",
        "no package fits {what} on this base image",
        "see the version, and whether it supports the Python of image.base; collect image.wheels for the same base",
    ),
    (
        r"No solution found when resolving[\s\S]*?cause: (?P<what>.+?), we can conclude",
        "the requirements do not go together: {what}",
        "correct the versions in image.requirements, or take another image.base",
    ),
    (
        r"(?:the --mount option requires BuildKit|BuildKit is enabled but the buildx component is missing)",
        "BuildKit is missing",
        _BUILDX,
    ),
    # As BuildKit shows what a step writes; it shows the step's own text, too.
    (r"(?m)^(?:#\d+ )?[\d.]+ composer: (?P<what>.+)$", "{what}", "see image.base in composer.yml"),
)


def explain(error: CommandFailed) -> ComposerError:
    """Return what a failed build means to a user, where its output tells."""
    for pattern, cause, hint in _CAUSES:
        match = re.search(pattern, error.stderr)
        if match:
            return ComposerError(f"the image cannot be built: {cause.format(**match.groupdict())}", hint)
    lines = [line for line in error.stderr.splitlines() if "ERROR" in line or "error:" in line.lower()]
    cause = lines[0].strip() if lines else error.message
    return ComposerError(f"the image cannot be built: {cause}", "see all of the build with: composer build -v")
