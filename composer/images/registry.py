"""Images by way of a registry that the user names: pushed when asked, pulled where they are missing or stale."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from composer.deployment.image_record import ImageRecord
from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.images.build import find_stale, record_made, stale
from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError
from composer.model.kinds import LOCAL
from composer.model.reporter import Reporter
from composer.system.process import perform, run

if TYPE_CHECKING:
    from composer.images.store import ImageStore


def pull_stale(
    engine: ImageStore,
    manifest: Manifest,
    deployment: Path,
    reporter: Reporter,
    dry_run: bool = False,
    host: str = LOCAL,
) -> None:
    """Pull the images that are missing or stale: the very ones that were pushed from here, where any were.

    Args:
        engine: The engine that gets the images, to which Docker's commands go too.
        manifest: Of the participants whose images come from a registry.
        deployment: The folder that records which images were pushed and pulled.
        reporter: Hears what is done.
        dry_run: Only show the commands.
        host: Whose engine it is.

    Raises:
        ComposerError: The registry does not give one, or gives one that was built from something else.
    """
    if not manifest.participants:
        return
    record = ImageRecord(deployment, host)
    waiting = find_stale(engine, manifest, record, reporter, dry_run)
    pushed = {tag: one for tag, one in ImageRecord(deployment).read().items() if one.digest}
    for tag, inputs in {one.image: one.inputs for one in waiting}.items():
        reporter.step(f"Pulling {tag}")
        known = pushed.get(tag)
        # A tag is whatever was pushed under it last, and by whomever; a digest is one image.
        name = f"{tag.rpartition(':')[0]}@{known.digest}" if known and known.inputs == inputs else tag
        hint = f"push it where it was built (composer images push), and log in here: {engine.program} login"
        _run(Command((engine.program, "pull", "--quiet", name)), f"{tag} cannot be pulled", hint, reporter, dry_run)
        if name != tag and not dry_run:
            engine.name_image(name, tag)
    if dry_run:
        return
    wrong = _tags(stale(replace(manifest, participants=waiting), engine.built_images(), {}))
    if wrong:
        raise ComposerError(
            f"the registry's {wrong[0]} was not built from this deployment's Dockerfile",
            "build it and push it again: composer build, then composer images push",
        )
    record_made(engine, waiting, record)


def push(engine: ImageStore, manifest: Manifest, record: ImageRecord, reporter: Reporter) -> tuple[str, ...]:
    """Push the images of a deployment, record their digests, and return their names.

    Raises:
        ComposerError: No registry is named, an image is missing or stale, or the registry does not take it.
    """
    ours = manifest.from_registry
    if not ours.participants:
        raise ComposerError(
            "composer.yml names no registry", "say where to: image: {registry: registry.example/flare}, then build"
        )
    waiting = _tags(find_stale(engine, ours, record, reporter))
    if waiting:
        raise ComposerError(f"there is no image {waiting[0]} of the Dockerfile as it is", "build it: composer build")
    tags = _tags(ours.participants)
    hint = f"log in there: {engine.program} login"
    for tag in tags:
        reporter.step(f"Pushing {tag}")
        _run(Command((engine.program, "push", tag)), f"{tag} cannot be pushed", hint, reporter, False)
    images = engine.built_images()
    record.add({tag: replace(images[tag], digest=_digest(engine, tag)) for tag in tags})
    return tags


def _digest(engine: ImageStore, tag: str) -> str:
    """Return the digest that an image has in the registry that its name leads to."""
    known = json.loads(
        run(Command((engine.program, "image", "inspect", "--format", "{{json .RepoDigests}}", tag)), timeout=60)
    )
    return next((one.partition("@")[2] for one in known if one.startswith(f"{tag.rpartition(':')[0]}@")), "")


def _tags(participants: tuple[DeployedParticipant, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(participant.image for participant in participants))


def _run(command: Command, failed: str, hint: str, reporter: Reporter, dry_run: bool) -> None:
    try:
        perform(command, reporter, dry_run)
    except CommandFailed as error:
        raise ComposerError(f"{failed}: {error.last_line}", hint) from error
