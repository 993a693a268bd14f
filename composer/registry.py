"""Images by way of a registry that the user names: pushed when asked, pulled where they are missing or stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from composer.errors import CommandFailed, ComposerError
from composer.manifest import DeployedParticipant, Manifest
from composer.model import Command
from composer.runtimes.build import stale
from composer.talk import Talk, perform

if TYPE_CHECKING:
    from composer.engine import Engine


def pull_stale(engine: Engine, manifest: Manifest, talk: Talk, dry_run: bool = False) -> None:
    """Pull the images that are missing or stale.

    Args:
        engine: The engine that gets the images, to which Docker's commands go too.
        manifest: Of the participants whose images come from a registry.
        talk: Hears what is done.
        dry_run: Only show the commands.

    Raises:
        ComposerError: The registry does not give one, or gives one that was built from something else.
    """
    if not manifest.participants:
        return
    for tag in _tags(stale(manifest, engine.image_inputs())):
        talk.step(f"Pulling {tag}")
        hint = "push it where it was built (composer images push), and log in here: docker login"
        _run(Command(("docker", "pull", "--quiet", tag)), f"{tag} cannot be pulled", hint, talk, dry_run)
    wrong = () if dry_run else _tags(stale(manifest, engine.image_inputs()))
    if wrong:
        raise ComposerError(
            f"the registry's {wrong[0]} was not built from this deployment's Dockerfile",
            "build it and push it again: composer build, then composer images push",
        )


def push(engine: Engine, manifest: Manifest, talk: Talk) -> tuple[str, ...]:
    """Push the images of a deployment and return their names.

    Raises:
        ComposerError: No registry is named, an image is missing or stale, or the registry does not take it.
    """
    ours = manifest.from_registry
    if not ours.participants:
        raise ComposerError(
            "composer.yml names no registry", "say where to: image: {registry: registry.example/flare}, then build"
        )
    waiting = _tags(stale(ours, engine.image_inputs()))
    if waiting:
        raise ComposerError(f"there is no image {waiting[0]} of the Dockerfile as it is", "build it: composer build")
    tags = _tags(ours.participants)
    for tag in tags:
        talk.step(f"Pushing {tag}")
        _run(Command(("docker", "push", tag)), f"{tag} cannot be pushed", "log in there: docker login", talk, False)
    return tags


def _tags(participants: tuple[DeployedParticipant, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(participant.image for participant in participants))


def _run(command: Command, failed: str, hint: str, talk: Talk, dry_run: bool) -> None:
    try:
        perform(command, talk, dry_run)
    except CommandFailed as error:
        raise ComposerError(f"{failed}: {error.last_line}", hint) from error
