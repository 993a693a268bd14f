"""Puts a rendering on disk: staged, compared, replaced. The only room that writes to a deployment folder.

A set of files is replaced as one: all are staged in ``.staged/`` first, a marker says that the set is whole,
and only then are they moved into place. A run that finds the marker finishes the move; one that finds staged
files without it throws them away.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from composer.errors import ComposerError
from composer.manifest import MANIFEST, Manifest, parse_manifest
from composer.model import GeneratedFile, Owner, Rendering

_STAGED = ".staged"
_COMPLETE = ".complete"


def write_deployment(rendering: Rendering, deployment: Path, force: bool = False) -> tuple[PurePosixPath, ...]:
    """Bring a deployment folder to what was rendered and return the files that changed.

    Args:
        rendering: The files and folders.
        deployment: The folder; it is made where it is missing.
        force: Replace files that were edited by hand, keeping each as ``NAME.orig``.

    Raises:
        ComposerError: A generated file was edited by hand, the folder holds something else, or it cannot be
            written. What was there before is untouched.
    """
    try:
        _make_folder(deployment, 0o755, None)
        _finish_interrupted(deployment)
        changed = [file for file in rendering.files if not _is_written(deployment / file.path, file)]
        recorded = _recorded(deployment, force)
        _keep_edits(deployment, [*(file.path for file in changed)], recorded, force)
        for path, owner in rendering.folders:
            _make_folder(deployment / path, 0o700, owner)
        if changed:
            _stage(changed, deployment / _STAGED)
            _finish_interrupted(deployment)
        _remove_abandoned(deployment, recorded, {file.path for file in rendering.files})
    except OSError as error:
        place = error.filename or deployment
        raise ComposerError(
            f"cannot write {place}: {error.strerror}", "make room or give yourself the right to write there"
        ) from error
    return tuple(file.path for file in changed)


def changed_files(rendering: Rendering, deployment: Path) -> tuple[PurePosixPath, ...]:
    """Return the files that :func:`write_deployment` would write."""
    return tuple(file.path for file in rendering.files if not _is_written(deployment / file.path, file))


def read_manifest(deployment: Path) -> Manifest | None:
    """Return manifest.json of a deployment folder, or None where there is none.

    Raises:
        ComposerError: It is there, but it cannot be read or is not what composer writes.
    """
    path = deployment / MANIFEST
    try:
        return parse_manifest(path.read_text(encoding="utf-8"), path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ComposerError(f"cannot read {path}", "run composer generate --force KITS") from error


def remove_deployment(deployment: Path) -> None:
    """Delete a deployment folder with the workspaces and the job store in it, and nothing else.

    Raises:
        ComposerError: It is not a deployment folder, or something in it cannot be deleted.
    """
    if read_manifest(deployment) is None:
        raise ComposerError(f"{deployment} is not a deployment folder", "name it with -d DIR")
    try:
        shutil.rmtree(deployment)
    except OSError as error:
        raise ComposerError(f"cannot delete {error.filename}: {error.strerror}", "delete it as its owner") from error


def _is_written(path: Path, file: GeneratedFile) -> bool:
    try:
        return path.stat().st_mode & 0o7777 == file.mode and path.read_bytes() == file.content
    except FileNotFoundError:
        return False


def _recorded(deployment: Path, force: bool) -> Mapping[str, str]:
    try:
        manifest = read_manifest(deployment)
    except ComposerError:
        if not force:
            raise
        return {}
    return manifest.files if manifest else {}


def _keep_edits(deployment: Path, changed: Iterable[PurePosixPath], recorded: Mapping[str, str], force: bool) -> None:
    """Stop at a file that is neither what was generated last nor what is generated now."""
    for path in changed:
        target = deployment / path
        if str(path) == MANIFEST or not target.exists():
            continue
        if _hash(target) == recorded.get(str(path)):
            continue
        if not force:
            raise ComposerError(
                f"{target} was changed by hand",
                "put your changes into compose.override.yml, or use --force to replace it and keep yours as .orig",
            )
        target.replace(target.with_name(target.name + ".orig"))


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stage(files: Iterable[GeneratedFile], staged: Path) -> None:
    for file in files:
        target = staged / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor, not a path
            stream.write(file.content)
            os.fchmod(descriptor, file.mode)
            os.fsync(descriptor)
    (staged / _COMPLETE).touch()


def _finish_interrupted(deployment: Path) -> None:
    staged = deployment / _STAGED
    if not staged.exists():
        return
    if (staged / _COMPLETE).exists():
        for source in _files_below(staged):
            target = deployment / source.relative_to(staged)
            _make_folder(target.parent, 0o755, None)
            source.replace(target)
        (staged / _COMPLETE).unlink()
    shutil.rmtree(staged)


def _files_below(folder: Path) -> Iterator[Path]:
    # The manifest goes last: until it is there, the files before it are those of the old one or of the new.
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _COMPLETE)
    yield from sorted(files, key=lambda path: path.name == MANIFEST)


def _remove_abandoned(deployment: Path, recorded: Mapping[str, str], kept: set[PurePosixPath]) -> None:
    """Delete what an earlier generation wrote and this one does not, unless it was edited."""
    for name, digest in recorded.items():
        path = PurePosixPath(name)
        target = deployment / path
        if path in kept or ".." in path.parts or path.is_absolute():
            continue
        with contextlib.suppress(FileNotFoundError):
            if _hash(target) == digest:
                target.unlink()
        for parent in list(path.parents)[:-1]:
            with contextlib.suppress(OSError):
                (deployment / parent).rmdir()


def _make_folder(path: Path, mode: int, owner: Owner | None) -> None:
    if not path.is_dir():
        path.mkdir(parents=True)
        path.chmod(mode)
    if owner and os.geteuid() == 0:
        os.chown(path, owner.uid, owner.gid)
