"""Images that a host's own engine builds or pulls. Contexts and secrets go there for a build, and nothing of a kit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from composer.deployment.image_record import ImageRecord
from composer.deployment.manifest import Manifest
from composer.hosts.connected import ConnectedHosts, connect_hosts, each_of
from composer.images.building import build_stale, image_statuses
from composer.images.registry import pull_stale
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.status import ImageStatus
from composer.runtimes.docker import in_containers

if TYPE_CHECKING:
    from composer.hosts.remote import EngineHost
    from composer.model.reporter import Reporter

_LOOK_SECONDS = 9.0


def builders(manifest: Manifest) -> tuple[str, ...]:
    """Return the names of the hosts that build their participants' images themselves."""
    building = {one.host for one in in_containers(manifest.from_build).participants}
    return tuple(host.name for host in manifest.hosts if host.build == "remote" and host.name in building)


def build_on_hosts(manifest: Manifest, federation: Federation, reporter: Reporter, offline: bool) -> tuple[str, ...]:
    """Have the hosts that build images themselves build those that are missing or stale; return their participants.

    Args:
        manifest: What was generated.
        federation: What is to run.
        reporter: Hears what is done.
        offline: Fetch nothing from anywhere.

    Raises:
        ComposerError: It could not be done on some hosts; on the others it was.
    """
    names = builders(manifest)
    if not names:
        return ()
    reporter.step(f"Reaching {', '.join(names)}")
    with connect_hosts(manifest, federation.deployment, names=names) as hosts:
        outcomes = build_there(hosts.with_engines, federation, reporter, offline)
        hosts.drop(outcomes)
        if hosts.unreachable:
            raise hosts.failure()
    return tuple(name for built in outcomes.values() if not isinstance(built, ComposerError) for name in built)


def build_there(
    building: Sequence[EngineHost],
    federation: Federation,
    reporter: Reporter,
    offline: bool = False,
) -> dict[str, tuple[str, ...] | ComposerError]:
    """Have hosts build those images of their participants that are missing or stale there.

    Args:
        building: Those that build.
        federation: What is to run.
        reporter: Hears what is done.
        offline: As for :func:`composer.images.building.build_stale`.

    Returns:
        By host, the names of the participants whose images were built, or what went wrong.
    """
    if building:
        reporter.step(f"Having {_names(building)} build what is missing there")
    return each_of(building, lambda host: _build(host, federation, reporter, offline))


def pull_there(hosts: ConnectedHosts, reporter: Reporter) -> dict[str, ComposerError | None]:
    """Have hosts pull those images of their participants that are missing or stale there; return what went wrong.

    Docker's command hands on the registry's passwords as they are known here: none is kept on a host.
    """
    pulling = [host for host in hosts.with_engines if host.manifest.from_registry.participants]
    if pulling:
        reporter.step(f"Having {_names(pulling)} pull what is missing there")
    return each_of(pulling, lambda host: _pull(host, hosts.deployment, reporter))


def images_on_hosts(manifest: Manifest, deployment: Path) -> tuple[ImageStatus, ...]:
    """Return how the images of the participants on other hosts stand there; ``unknown`` where a host is away."""
    used = {one.host for one in in_containers(manifest).participants}
    names = [host.name for host in manifest.hosts if host.name in used]
    if not names:
        return ()
    with connect_hosts(manifest, deployment, seconds=_LOOK_SECONDS, names=names) as hosts:

        def see(host: EngineHost) -> tuple[ImageStatus, ...]:
            facts = host.engine.image_facts()
            return image_statuses(host.manifest, facts, ImageRecord(deployment, host.name).read())

        seen = each_of(hosts.with_engines, see, _LOOK_SECONDS)
    rows = []
    for name in names:
        found = seen.get(name)
        if found is None or isinstance(found, ComposerError):
            there = manifest.on(name).participants
            found = tuple(ImageStatus(one.name, one.type, one.image, "unknown") for one in there)
        rows += [replace(row, host=name) for row in found]
    return tuple(rows)


def _names(hosts: Sequence[EngineHost]) -> str:
    return ", ".join(host.name for host in hosts)


def _pull(host: EngineHost, deployment: Path, reporter: Reporter) -> None:
    with host.entered(), host.named():
        from_registry = host.manifest.from_registry
        pull_stale(host.engine, from_registry, deployment, host.reporter(reporter), host=host.name)


def _build(host: EngineHost, federation: Federation, reporter: Reporter, offline: bool) -> tuple[str, ...]:
    from_build, told = host.manifest.from_build, host.reporter(reporter)
    try:
        with host.entered(), host.named():
            return build_stale(host.engine, federation, from_build, told, offline, False, host.name)
    finally:
        # Builds alone need the wheels; what they made of them is in the images.
        for house in {one.image.wheels for one in federation.participants if one.host == host.name}:
            if house is not None:
                host.engine.remove_image(house.image)
