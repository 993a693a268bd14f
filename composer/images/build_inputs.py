"""Reads the files that a definition names, so that resolving and rendering need no disk."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from composer.definition import Definition
from composer.images.lock import key_of_lock
from composer.kits.folder import ENTRIES, LIMIT, TooLargeError, read_file
from composer.kits.internal import COMM_CONFIG, without_own_listener
from composer.kits.resources import RESOURCES, with_max_num_clients
from composer.model.errors import ComposerError
from composer.model.federation import Wheelhouse
from composer.model.files import GeneratedFile
from composer.model.kit import Project
from composer.render.dockerfile import LOCK

_WHEELS = "flare-composer-wheels"
# What a participant's startup/ or local/ may hold in all: it is read into memory.
_ALL = 4 * LIMIT


@dataclass(frozen=True)
class BuildInputs:
    """Contents of files that a definition names.

    ``requirements`` maps a requirements file to its text. ``local`` maps a participant to the files of its
    kit's ``local`` folder with the site's own laid over them, the server's with the number of sites that it is to take,
    and without NVFLARE's port for the participant's own jobs, paths relative to that folder; whose are the kit's is not
    in it. ``wheelhouses``
    maps a folder of wheels to what is in it. ``locks`` holds the locks that are there by where they come from, a
    wheelhouse or (None) the deployment, and by what they were found out for. ``private`` holds the variables of each
    participant whose values composer.yml does not have.
    """

    requirements: Mapping[Path, str] = field(default_factory=dict)
    local: Mapping[str, tuple[GeneratedFile, ...]] = field(default_factory=dict)
    wheelhouses: Mapping[Path, Wheelhouse] = field(default_factory=dict)
    locks: Mapping[tuple[Path | None, str], str] = field(default_factory=dict)
    private: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def load_build_inputs(project: Project, definition: Definition, deployment: Path) -> BuildInputs:
    """Read all files that the definition names, and the locks of the images that the deployment has already.

    Raises:
        ComposerError: One of them is missing or cannot be read.
    """
    choices = definition.participants
    images = [definition.image, *(choice.image for choice in choices.values())]
    wheelhouses = {image.wheels: _wheelhouse(image.wheels) for image in images if image.wheels is not None}
    for secret in (file for image in images for file in (image.ca_bundle, image.pip_config) if file is not None):
        _readable(secret)
    overlays = {kit.name: choices[kit.name].local if kit.name in choices else None for kit in project.kits}
    replaced = {kit.name: tuple(_without_open_port(kit.path)) for kit in project.kits}
    most = {kit.name: definition.max_num_clients for kit in project.kits if kit.type == "server"}
    return BuildInputs(
        requirements={image.requirements: _text(image.requirements) for image in images if image.requirements},
        wheelhouses=wheelhouses,
        locks={**_locks(None, _found_out(deployment)), **_locks_of(wheelhouses)},
        local={
            kit.name: _merged(kit.path / "local", replaced[kit.name], overlays[kit.name], most.get(kit.name))
            for kit in project.kits
            if replaced[kit.name] or overlays[kit.name] is not None or most.get(kit.name) is not None
        },
    )


def _wheelhouse(folder: Path) -> Wheelhouse:
    if not str(folder).isprintable():
        raise ComposerError(f"image.wheels: {str(folder)!r} is no path to write down", "rename the folder")
    wheels = sorted(path for path in folder.glob("*.whl") if path.is_file())
    if not wheels:
        raise ComposerError(f"there are no wheels in {folder}", "collect them where there is Internet: composer wheels")
    digest = hashlib.sha256()
    for wheel in wheels:
        try:
            digest.update(f"{wheel.name} {hashlib.sha256(wheel.read_bytes()).hexdigest()}\n".encode())
        except OSError as error:
            raise _unreadable(wheel, error) from error
    has_pip = any(wheel.name.startswith("pip-") for wheel in wheels)
    return Wheelhouse(folder, f"{_WHEELS}:{digest.hexdigest()[:16]}", has_pip)


def _found_out(deployment: Path) -> Iterator[Path]:
    """Yield the locks beside Dockerfiles, but those that came with a wheelhouse: they are for builds from it alone."""
    for lock in deployment.glob(f"images/*/{LOCK}"):
        dockerfile = lock.with_name("Dockerfile")
        if not (dockerfile.is_file() and f"from={_WHEELS}:" in _text(dockerfile)):
            yield lock


def _locks_of(wheelhouses: Iterable[Path]) -> dict[tuple[Path | None, str], str]:
    return {key: lock for folder in wheelhouses for key, lock in _locks(folder, folder.glob("*.lock")).items()}


def _locks(source: Path | None, files: Iterable[Path]) -> dict[tuple[Path | None, str], str]:
    texts = [_text(file) for file in sorted(files)]
    return {(source, key_of_lock(text)): text for text in texts if key_of_lock(text)}


def _readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise _unreadable(path, error) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _without_open_port(kit: Path) -> Iterator[GeneratedFile]:
    """Yield the kit's comm_config.json without a port for its own jobs, which would hide composer's socket."""
    try:
        document = json.loads(read_file(kit / COMM_CONFIG, LIMIT)[1])
    except (OSError, TooLargeError, ValueError):
        return
    closed = without_own_listener(document) if isinstance(document, dict) else None
    if closed is not None:
        text = json.dumps(closed, indent=2, ensure_ascii=False) + "\n"
        yield GeneratedFile(PurePosixPath(COMM_CONFIG.name), text.encode(), 0o644)


def _merged(
    local: Path, replaced: Iterable[GeneratedFile], overlay: Path | None, most: int | None
) -> tuple[GeneratedFile, ...]:
    files = dict(folder_files(local))
    files.update((file.path, file) for file in replaced)
    if overlay is not None:
        if not overlay.is_dir():
            raise ComposerError(f"{overlay} is no folder", "participants.NAME.local names a folder of files for local/")
        files.update(folder_files(overlay))
    if most is not None:
        resources = _with_room(files, most)
        files[resources.path] = resources
    return tuple(files[path] for path in sorted(files))


def _with_room(files: Mapping[PurePosixPath, GeneratedFile], most: int) -> GeneratedFile:
    """Return resources.json for a server that takes so many sites, from the one that it would have read."""
    if most < 1:
        raise ComposerError(f"max_num_clients: {most} is no number of sites", "write how many sites the server takes")
    name = next((name for name in RESOURCES if PurePosixPath(name) in files), None)
    try:
        document = json.loads(files[PurePosixPath(name)].content) if name else {}
    except ValueError as error:
        raise ComposerError(
            f"local/{name} of the server is not JSON: {error}", "correct it, or ask for the kit"
        ) from error
    text = json.dumps(with_max_num_clients(document, most), indent=2, ensure_ascii=False) + "\n"
    return GeneratedFile(PurePosixPath(RESOURCES[0]), text.encode(), 0o644)


def folder_files(folder: Path) -> Iterator[tuple[PurePosixPath, GeneratedFile]]:
    """Yield all files below a folder, with their paths relative to it; of their modes only the execute bit is kept.

    Raises:
        ComposerError: One is a link or a device, or cannot be read, or there is more than a kit has.
    """
    left = _ALL
    for path in sorted(_paths_below(folder)):
        below = PurePosixPath(path.relative_to(folder))
        try:
            mode, content = read_file(path, min(LIMIT, left))
        except TooLargeError as error:
            raise ComposerError(
                f"{path} is larger than anything in a kit, or {folder} is",
                "keep data elsewhere: participants.NAME.data",
            ) from error
        except OSError as error:
            raise _unreadable(path, error) from error
        left -= len(content)
        yield below, GeneratedFile(below, content, 0o755 if mode & stat.S_IXUSR else 0o644)


def _paths_below(folder: Path) -> list[Path]:
    pending, found, entries = [folder], [], 0
    while pending:
        with os.scandir(pending.pop()) as listed:
            for entry in listed:
                entries += 1
                if entries > ENTRIES:
                    raise ComposerError(f"{folder} holds far more files than a kit does", "keep them elsewhere")
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    found.append(Path(entry.path))
                else:
                    raise ComposerError(f"{entry.path} is a link or a device", "put the file itself there")
    return found


def _unreadable(path: Path, error: Exception) -> ComposerError:
    reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
    return ComposerError(f"cannot read {path}: {reason}", "correct its path in composer.yml")
