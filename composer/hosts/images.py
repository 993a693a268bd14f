"""Images that a host's own engine builds or pulls. Contexts and secrets go there for a build, and nothing of a kit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from composer.deployment.manifest import Manifest
from composer.hosts.parallel import on_each
from composer.hosts.places import Place
from composer.images.building import build_stale
from composer.images.registry import pull_stale
from composer.model.errors import ComposerError
from composer.model.federation import Federation

if TYPE_CHECKING:
    from composer.model.reporter import Reporter


def builders(manifest: Manifest) -> tuple[str, ...]:
    """Return the names of the hosts that build their participants' images themselves."""
    building = {one.host for one in manifest.from_build.participants}
    return tuple(host.name for host in manifest.hosts if host.build == "remote" and host.name in building)


def build_there(
    places: Sequence[Place], federation: Federation, reporter: Reporter, offline: bool = False
) -> dict[str, tuple[str, ...] | ComposerError]:
    """Have hosts build those images of their participants that are missing or stale there.

    Args:
        places: The hosts.
        federation: What is to run.
        reporter: Hears what is done.
        offline: As for :func:`composer.images.building.build_stale`.

    Returns:
        By host, the names of the participants whose images were built, or what went wrong.
    """
    by_name = {place.name: place for place in places}
    if by_name:
        reporter.step(f"Having {', '.join(by_name)} build what is missing there")
    return on_each(tuple(by_name), lambda name: _build(by_name[name], federation, reporter, offline))


def pull_there(places: Sequence[Place], deployment: Path, reporter: Reporter) -> dict[str, ComposerError | None]:
    """Have hosts pull those images of their participants that are missing or stale there; return what went wrong.

    Docker's command hands on the registry's passwords as they are known here: none is kept on a host.

    Args:
        places: The hosts.
        deployment: The folder that records which images were pushed and pulled.
        reporter: Hears what is done.
    """
    by_name = {place.name: place for place in places}
    if by_name:
        reporter.step(f"Having {', '.join(by_name)} pull what is missing there")
    return on_each(tuple(by_name), lambda name: _pull(by_name[name], deployment, reporter))


def _pull(place: Place, deployment: Path, reporter: Reporter) -> None:
    with place.entered(), place.named():
        pull_stale(place.engine, place.manifest.from_registry, deployment, place.told(reporter), host=place.name)


def _build(place: Place, federation: Federation, reporter: Reporter, offline: bool) -> tuple[str, ...]:
    try:
        with place.entered(), place.named():
            from_build = place.manifest.from_build
            return build_stale(place.engine, federation, from_build, place.told(reporter), offline, False, place.name)
    finally:
        # Builds alone need the wheels; what they made of them is in the images.
        for house in {one.image.wheels for one in federation.participants if one.host == place.name}:
            if house is not None:
                place.engine.remove_image(house.image)
