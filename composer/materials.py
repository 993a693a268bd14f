"""Reads the files that a definition names, so that resolving and rendering need no disk."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from composer.definition import Definition
from composer.errors import ComposerError
from composer.model import GeneratedFile, Project


@dataclass(frozen=True)
class Materials:
    """Contents of files that a definition names.

    ``requirements`` maps a requirements file to its text. ``local`` maps a participant to the files of its
    kit's ``local`` folder with the site's own laid over them, paths relative to that folder.
    """

    requirements: Mapping[Path, str] = field(default_factory=dict)
    local: Mapping[str, tuple[GeneratedFile, ...]] = field(default_factory=dict)


def load_materials(project: Project, definition: Definition) -> Materials:
    """Read all files that the definition names.

    Raises:
        ComposerError: One of them is missing or cannot be read.
    """
    choices = definition.participants
    named = [definition.image.requirements, *(choice.image.requirements for choice in choices.values())]
    overlays = {kit.name: (kit, choices[kit.name].local) for kit in project.kits if kit.name in choices}
    return Materials(
        requirements={path: _text(path) for path in named if path is not None},
        local={
            name: _merged(kit.path / "local", overlay)
            for name, (kit, overlay) in overlays.items()
            if overlay is not None
        },
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _merged(local: Path, overlay: Path) -> tuple[GeneratedFile, ...]:
    if not overlay.is_dir():
        raise ComposerError(f"{overlay} is no folder", "participants.NAME.local names a folder of files for local/")
    files = {**dict(_files(local)), **dict(_files(overlay))}
    return tuple(files[path] for path in sorted(files))


def _files(folder: Path) -> Iterator[tuple[PurePosixPath, GeneratedFile]]:
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            continue
        if not stat.S_ISREG(mode):
            raise ComposerError(f"{path} is a link or a device", "put the file itself there")
        below = PurePosixPath(path.relative_to(folder))
        try:
            content = path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from error
        yield below, GeneratedFile(below, content, 0o755 if mode & stat.S_IXUSR else 0o644)


def _unreadable(path: Path, error: Exception) -> ComposerError:
    reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
    return ComposerError(f"cannot read {path}: {reason}", "correct its path in composer.yml")
