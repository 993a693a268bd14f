"""Deletes a deployment folder: what composer made, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from composer.deployment.descriptors import Deletion, opened
from composer.deployment.layout import STARTED
from composer.deployment.manifest import MANIFEST, Manifest
from composer.deployment.place import HOSTS, KITS, LOCK, PART, STAGED, WHOLE_FOLDERS, is_unfinished
from composer.deployment.recorded import read_manifest
from composer.model.errors import ComposerError
from composer.system.foreign_text import clip, escape_line

if TYPE_CHECKING:
    from composer.model.reporter import Reporter

_SHOWN = 3


def purge(deployment: Path, reporter: Reporter, dry_run: bool = False) -> None:
    """Delete a deployment folder with the workspaces and the job store in it.

    Deleted is what composer has made: the files that the manifest names, and its own folders. What somebody else has
    put there stays, and the folder with it; kits that composer has not unpacked are never deleted, nor what a link
    points to.

    Args:
        deployment: The folder; its real path.
        reporter: Hears what stays.
        dry_run: Only tell what would be deleted.

    Raises:
        ComposerError: It is not a deployment folder, or something in it cannot be deleted; then what ends its
            participants stays, so that this can be done again.
    """
    manifest = read_manifest(deployment)
    if manifest is None and not is_unfinished(deployment):
        raise ComposerError(f"{deployment} is not a deployment folder", "name it with -C DIR")
    whole = [name for name in WHOLE_FOLDERS if _is_real_folder(deployment / name)]
    # What was started is kept for each host.
    whole += [f"{HOSTS}/{path.name}/{STARTED}" for path in _hosts(deployment) if _is_real_folder(path / STARTED)]
    whole += [f"{KITS}/{name}" for name in _unpacked_kits(manifest, deployment)]
    files = [PurePosixPath(name) for name in (manifest.files if manifest else ())]
    if dry_run:
        for name in (*whole, *map(str, files), *([MANIFEST] if manifest else [])):
            reporter.command(f"delete {deployment / name}")
        return
    deletion = Deletion()
    try:
        with opened(deployment) as top:
            for name in whole:
                deletion.delete_folder(top, PurePosixPath(name))
            # These go last, since they are what the next try needs.
            for path in () if deletion.failed else (*files, *map(PurePosixPath, (PART, MANIFEST, LOCK))):
                if not path.is_absolute() and ".." not in path.parts:
                    deletion.delete_file(top, path)
        if not deletion.failed:
            _remove_or_tell(deployment, reporter)
    except OSError as error:
        raise ComposerError(
            f"cannot delete {error.filename or deployment}: {error.strerror}", "delete it as its owner"
        ) from error
    if deletion.failed:
        failed, reason = deletion.failed[0]
        more = f" (and {len(deletion.failed) - 1} more)" if len(deletion.failed) > 1 else ""
        raise ComposerError(
            f"cannot delete {deployment}/{clip(escape_line(failed), 200)}: {reason}{more}",
            "delete it as its owner, then purge again; the rest is deleted",
        )


def _remove_or_tell(deployment: Path, reporter: Reporter) -> None:
    left = list(_left(deployment))
    if not left:
        deployment.rmdir()
        return
    names = ", ".join(clip(escape_line(name), 80) for name in left[:_SHOWN])
    more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
    reporter.warn(f"{deployment} stays: composer has not made what is left in it: {names}{more}")


def _left(deployment: Path) -> Iterator[str]:
    for place, folders, files in os.walk(deployment):
        here = Path(place)
        links = [name for name in folders if (here / name).is_symlink()]
        if here != deployment and not folders and not files:
            yield str(here.relative_to(deployment))
        for name in (*files, *links):
            yield str((here / name).relative_to(deployment))


def _unpacked_kits(manifest: Manifest | None, deployment: Path) -> Iterator[str]:
    """Return the names of the kits that composer has unpacked from archives."""
    kits = deployment / KITS
    if not _is_real_folder(kits):
        return
    if manifest is None:
        # Whatever was there before is refused, but for what is unpacked once composer has begun.
        made_here = _is_real_folder(deployment / STAGED)
    else:
        lies_here = any(participant.kit.parent == kits for participant in manifest.participants)
        made_here = lies_here and not any(given.resolve().is_relative_to(kits) for given in manifest.kits)
    for kit in sorted(kits.iterdir()) if made_here else ():
        if _is_real_folder(kit) and ((kit / "startup").is_dir() or kit.name.startswith(".unpacking-")):
            yield kit.name


def _hosts(deployment: Path) -> list[Path]:
    folder = deployment / HOSTS
    return sorted(path for path in folder.iterdir() if _is_real_folder(path)) if _is_real_folder(folder) else []


def _is_real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
