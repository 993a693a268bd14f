"""The use cases around images: collecting wheels, listing, moving, and saying what is in them."""

from __future__ import annotations

from pathlib import Path

from composer.deployment.image_record import ImageRecord
from composer.deployment.manifest import Manifest
from composer.hosts.images import images_on_hosts
from composer.images import registry, sbom
from composer.images.archive import load_archive, save_archive
from composer.images.build import find_stale
from composer.images.building import collect_wheels, image_statuses
from composer.model.errors import ComposerError
from composer.model.reporter import Reporter
from composer.model.status import ImageStatus
from composer.runtimes.docker import in_containers
from composer.runtimes.lifecycle import image_store
from composer.usecases.inputs import Inputs, deployed
from composer.usecases.session import open_session


def wheels(inputs: Inputs, folder: Path, reporter: Reporter) -> tuple[str, ...]:
    """Collect the wheels that the federation's images need into a folder and return their names.

    Raises:
        ComposerError: The kits or the definition do not allow it, or a package cannot be had.
    """
    with open_session(inputs).resolved(connected=True) as federation:
        return collect_wheels(federation, folder, reporter)


def list_images(deployment: Path) -> tuple[ImageStatus, ...]:
    """Return how the image of every participant of a deployment stands, here and on the participant's own host.

    Raises:
        ComposerError: There is no deployment there, or no engine answers.
    """
    manifest = _with_images(deployment)
    recorded = ImageRecord(deployment).read()
    here = [
        status
        for runtime in manifest.runtimes
        for status in image_statuses(manifest.run_as(runtime).built_here, image_store(runtime).image_facts(), recorded)
    ]
    return (*here, *images_on_hosts(manifest, deployment))


def save(deployment: Path, folder: Path, reporter: Reporter) -> str:
    """Write the images of a deployment that are here to a folder, what they share once; return the archive's SHA-256.

    Raises:
        ComposerError: There is no deployment there, an image is missing, or the folder cannot be written.
    """
    manifest = _with_images(deployment).built_here
    if len(manifest.runtimes) > 1:
        raise ComposerError("the images are on several engines of this machine", "save them by hand")
    reporter.step(f"Saving the images of {len(manifest.participants)} participants")
    engine = image_store(manifest.runtimes[0])
    lacking = find_stale(engine, manifest, ImageRecord(deployment), reporter)
    if lacking:
        raise ComposerError(
            f"there is no image {lacking[0].image} of the Dockerfile as it is", "build it: composer build"
        )
    return save_archive(engine, [participant.image for participant in manifest.participants], folder, reporter.output)


def push(deployment: Path, reporter: Reporter) -> tuple[str, ...]:
    """Push the images of a deployment to the registry that composer.yml names and return their names.

    Raises:
        ComposerError: There is no deployment there, no registry is named, an image is missing or stale, or the
            registry does not take it.
    """
    manifest = _with_images(deployment)
    record = ImageRecord(deployment)
    return tuple(
        tag
        for runtime in manifest.runtimes
        for tag in registry.push(image_store(runtime), manifest.run_as(runtime), record, reporter)
    )


def load(folder: Path, sha256: str, reporter: Reporter) -> tuple[str, ...]:
    """Load the images that :func:`save` wrote and return their tags; ``sha256`` as for :func:`load_archive`.

    Raises:
        ComposerError: The folder holds none, or they are damaged.
    """
    engine = image_store(None)
    reporter.step(f"Loading the images in {folder}")
    return load_archive(engine, folder, sha256, reporter.output)


def write_sboms(deployment: Path, folder: Path, reporter: Reporter) -> tuple[str, ...]:
    """Write a bill of materials for every participant's image and return the files' names.

    Raises:
        ComposerError: There is no deployment there, an image is missing, or the folder cannot be written.
    """
    manifest = _with_images(deployment).built_here
    reporter.step("Looking into the images")
    found: list[str] = []
    for runtime in manifest.runtimes:
        engine = image_store(runtime)
        found += sbom.write_sboms(manifest.run_as(runtime), engine.image_facts(), folder, engine.program)
    return tuple(found)


def _with_images(deployment: Path) -> Manifest:
    """What a deployment says of those who run as containers, on whichever host."""
    everybody = deployed(deployment)
    manifest = in_containers(everybody)
    if not manifest.participants:
        # One of the user's own has an absolute path.
        environments = sorted({str(deployment / one.image) for one in everybody.participants})
        raise ComposerError(
            f"{deployment} runs as plain processes, which have no images",
            f"they run in the Python environments {', '.join(environments)}",
        )
    return manifest
