"""Images that a host's own engine builds: contexts and secrets go there for the build, and nothing of a kit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from composer.building import build_stale
from composer.errors import ComposerError
from composer.manifest import Manifest
from composer.model import Federation
from composer.remote.parallel import on_each
from composer.remote.places import Place
from composer.remote.talk import OneHost

if TYPE_CHECKING:
    from composer.talk import Talk


def builders(manifest: Manifest) -> tuple[str, ...]:
    """Return the names of the hosts that build their participants' images themselves."""
    return tuple(host.name for host in manifest.hosts if host.build == "remote")


def build_there(
    places: Sequence[Place], federation: Federation, talk: Talk, offline: bool = False
) -> dict[str, tuple[str, ...] | ComposerError]:
    """Have hosts build those images of their participants that are missing or stale there.

    Args:
        places: The hosts.
        federation: What is to run.
        talk: Hears what is done.
        offline: As for :func:`composer.building.build_stale`.

    Returns:
        By host, the names of the participants whose images were built, or what went wrong.
    """
    by_name = {place.name: place for place in places}
    if by_name:
        talk.step(f"Having {', '.join(by_name)} build what is missing there")
    return on_each(tuple(by_name), lambda name: _build(by_name[name], federation, talk, offline))


def _build(place: Place, federation: Federation, talk: Talk, offline: bool) -> tuple[str, ...]:
    assert place.connection is not None
    told = OneHost(place.name, place.connection.host.endpoint, talk)
    try:
        with place.entered():
            built = build_stale(place.engine, federation, place.manifest, told, offline, dry_run=False)
    except ComposerError as error:
        error.message = f"{place.name}: {error.message}"
        raise
    # Builds alone need the wheels; what they made of them is in the images.
    houses = {one.image.wheels for one in federation.participants if one.name in built and one.image.wheels}
    for house in houses:
        place.engine.remove_image(house.image)
    return built
