"""Builds images: what they are pinned to, which are stale, and the wheels for building without an index."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from composer.deployment.image_record import ImageRecord, RecordedImage
from composer.deployment.layout import INPUTS_LABEL, NVFLARE_LABEL
from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.images import build
from composer.images.build import Builder, buildx
from composer.images.lock import lock_key, render_lock, render_unpinned
from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError
from composer.model.federation import Federation, Image, Wheelhouse
from composer.model.kinds import LOCAL
from composer.model.reporter import Reporter, some_of
from composer.model.status import ImageStatus
from composer.render.dockerfile import LOCK, WITHOUT_UV, render_resolution
from composer.system.process import perform, stream

if TYPE_CHECKING:
    from composer.images.store import ImageFacts, ImageStore


def find_locks(
    federation: Federation,
    services: Sequence[str],
    reporter: Reporter,
    choose_builder: Callable[[], Builder] = buildx,
) -> dict[str, str]:
    """Find out what uv would install into images that are not pinned yet; return the locks by their keys.

    It is found out in the base images, on which the answer depends, by builds that leave no image behind. Where uv
    cannot be used, pip installs what is asked for as it finds it at each build, which is said once.

    Args:
        federation: What is to run.
        services: Those whose images are about to be built; the others' are left as they are.
        reporter: Hears what is done.
        choose_builder: Returns what builds, when it is needed.

    Raises:
        ComposerError: The package index cannot be reached or lacks something, or a base image cannot be had.
    """
    images = [p.image for p in federation.participants if p.service in services]
    open_ones = {lock_key(image): image for image in images if not image.lock and not image.wheels}
    if not open_ones:
        return {}
    builder = choose_builder()
    reporter.step("Finding out which Python packages to pin")
    found = {}
    for key, image in open_ones.items():
        try:
            with _exported(image, "lock", builder, reporter) as folder:
                found[key] = _lock_in(folder, image, reporter)
        except CommandFailed as error:
            raise build.explain(error) from error
    return found


def _lock_in(folder: Path, image: Image, reporter: Reporter) -> str:
    reason = folder / WITHOUT_UV
    if reason.is_file():
        told = reason.read_text(encoding="utf-8").strip()
        reporter.warn(f"pip installs the packages on {image.base}, and they are not pinned: {told}")
        return render_unpinned(image)
    return render_lock((folder / LOCK).read_text(encoding="utf-8"), image)


def waiting_services(engine: ImageStore, manifest: Manifest, deployment: Path) -> list[str]:
    """Return the services whose images :func:`build_stale` would build on this machine's engine."""
    waiting = build.stale(manifest, engine.built_images(), ImageRecord(deployment).read())
    return [participant.service for participant in waiting]


def build_stale(
    engine: ImageStore,
    federation: Federation,
    manifest: Manifest,
    reporter: Reporter,
    offline: bool,
    dry_run: bool,
    host: str = LOCAL,
    choose_builder: Callable[[], Builder] = buildx,
) -> tuple[str, ...]:
    """Build the images that are missing or stale and return their participants' names.

    Args:
        engine: The engine that gets the images.
        federation: What is to run.
        manifest: What was generated of it.
        reporter: Hears what is done.
        offline: Fetch nothing: no network for any step, no base image but those that the engine has.
        dry_run: Only show the commands.
        host: Whose engine it is.
        choose_builder: Returns what builds, when it is needed.

    Raises:
        ComposerError: An image cannot be built, or ``offline`` and its base image is not there.
    """
    record = ImageRecord(federation.deployment, host)
    waiting = build.find_stale(engine, manifest, record, reporter, dry_run)
    if not waiting:
        return ()
    builder = choose_builder()
    folder = federation.deployment
    images = {p.service: p.image for p in federation.participants}
    chosen = [images[p.service] for p in waiting]
    if offline:
        _require_bases(engine, chosen)
    for house in _wheelhouses(chosen):
        reporter.step(f"Bringing the wheels of {house.folder} into builds")
        _run(builder.build_wheels(folder, house), reporter, dry_run)
    for inputs in dict.fromkeys(p.inputs for p in waiting):
        alike = [p for p in waiting if p.inputs == inputs]
        first = alike[0].service
        reporter.step(f"Building the image of {some_of([p.name for p in alike])}")
        command = builder.build(folder / "images" / first, images[first], [p.image for p in alike], offline)
        _run(command, reporter, dry_run)
    if not dry_run:
        build.record_made(engine, waiting, record)
    return tuple(participant.name for participant in waiting)


def image_statuses(
    manifest: Manifest, facts: Mapping[str, ImageFacts], recorded: Mapping[str, RecordedImage]
) -> tuple[ImageStatus, ...]:
    """Return how the image of every participant stands.

    Args:
        manifest: Of the participants.
        facts: What their engine says of its images, by tag.
        recorded: What was made for the deployment there, by tag.
    """
    ids = [facts[p.image].id for p in manifest.participants if p.image in facts]
    images = {tag: RecordedImage(one.labels.get(INPUTS_LABEL, ""), one.id) for tag, one in facts.items()}
    return tuple(
        _image_status(one, facts.get(one.image), ids, build.is_fresh(one, images, recorded))
        for one in manifest.participants
    )


def _image_status(
    participant: DeployedParticipant, facts: ImageFacts | None, ids: Sequence[str], fresh: bool
) -> ImageStatus:
    if facts is None:
        return ImageStatus(participant.name, participant.type, participant.image, "missing")
    # Where participants have the very same image, none of it is anybody's own.
    shared = facts.size if ids.count(facts.id) > 1 else min(facts.shared, facts.size)
    return ImageStatus(
        name=participant.name,
        type=participant.type,
        tag=participant.image,
        state="fresh" if fresh else "stale",
        id=facts.id,
        size=facts.size,
        shared=shared,
        own=facts.size - shared,
        nvflare=facts.labels.get(NVFLARE_LABEL, ""),
        built=facts.created,
    )


def collect_wheels(
    federation: Federation, folder: Path, reporter: Reporter, choose_builder: Callable[[], Builder] = buildx
) -> tuple[str, ...]:
    """Collect all wheels that the federation's images need, for their base images' Python and platform.

    The locks go with them, so that a build from this folder installs just what was collected.

    Args:
        federation: What is to be built elsewhere.
        folder: Where they are put; what is in it already stays.
        reporter: Hears what is done.
        choose_builder: Returns what builds, when it is needed.

    Returns:
        The names of the wheels.

    Raises:
        ComposerError: The package index cannot be reached or lacks something, or the folder cannot be written.
    """
    images = {lock_key(p.image): p.image for p in federation.participants}
    found = find_locks(federation, [p.service for p in federation.participants], reporter, choose_builder)
    builder = choose_builder()
    reporter.step("Collecting wheels")
    names: set[str] = set()
    for key, image in images.items():
        locked = replace(image, lock=image.lock or found.get(key, ""))
        try:
            with _exported(locked, "wheels", builder, reporter) as exported:
                wheels = [path.name for path in exported.glob("*.whl")]
                _deliver(exported, wheels, folder)
                local = exported / LOCK
                lock = render_lock(local.read_text(encoding="utf-8"), image) if local.is_file() else locked.lock
                (folder / f"{key[:16]}.lock").write_text(lock, encoding="utf-8")
        except CommandFailed as error:
            raise build.explain(error) from error
        except OSError as error:
            raise ComposerError(f"cannot write {folder}: {error.strerror}", "name another folder with -o") from error
        names.update(wheels)
    return tuple(sorted(names))


@contextmanager
def _exported(image: Image, target: str, builder: Builder, reporter: Reporter) -> Iterator[Path]:
    """Build a target of the image's resolution and lend the folder with what came out."""
    with TemporaryDirectory(prefix="composer-") as place:
        context, out = Path(place, "context"), Path(place, "out")
        context.mkdir()
        for file in render_resolution(image):
            (context / file.path).write_bytes(file.content)
        stream(builder.export(context, target, out, image), reporter.output)
        yield out


def _run(command: Command, reporter: Reporter, dry_run: bool) -> None:
    try:
        perform(command, reporter, dry_run)
    except CommandFailed as error:
        raise build.explain(error) from error


def _wheelhouses(images: Sequence[Image]) -> list[Wheelhouse]:
    houses = {image.wheels for image in images if image.wheels}
    return sorted(houses, key=lambda house: house.image)


def _require_bases(engine: ImageStore, images: Sequence[Image]) -> None:
    missing = sorted({image.base for image in images if not engine.has_image(image.base)})
    if missing:
        raise ComposerError(
            f"the base image {missing[0]} is not on this engine",
            "load it (docker load -i FILE), or build where a registry can be reached",
        )


def _deliver(exported: Path, wheels: Sequence[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in wheels:
        part = folder / f".{name}.part"
        shutil.copyfile(exported / name, part)
        part.replace(folder / name)
