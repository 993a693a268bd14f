"""Puts a rendering on disk: compared, staged, replaced. The only room that writes to a deployment folder."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from composer.deployment.descriptors import opened, opened_below
from composer.deployment.difference import Difference, unified
from composer.deployment.files import hash_of, make_folder
from composer.deployment.manifest import MANIFEST
from composer.deployment.place import STAGED
from composer.deployment.recorded import read_manifest
from composer.deployment.staging import ASIDE, below_the_folder, refuse_links, require_room, settle, stage
from composer.model.errors import ComposerError
from composer.model.files import GeneratedFile, Owner, Rendering

# Of a participant's workspace below the folder: what lies in it belongs to job code.
_WORKSPACE_DEPTH = 2


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
        begin(deployment)
        changed = [file for file in rendering.files if not _is_written(deployment / file.path, file)]
        recorded = _recorded(deployment, force)
        # Staged with the others: the edited file is there until its copy and its successor are.
        copies = _edits(deployment, {file.path: file.content for file in changed}, recorded, force)
        refuse_links(deployment, [file.path for file in rendering.files])
        abandoned = _abandoned(recorded, rendering)
        require_room(deployment, changed, abandoned)
        with opened(deployment.resolve()) as top:
            for path, owner in rendering.folders:
                _give_folder(top, path, owner)
        if changed:
            stage([*changed, *copies], abandoned, deployment / STAGED)
        settle(deployment)
    except OSError as error:
        raise _cannot_write(error, deployment) from error
    return tuple(file.path for file in changed)


def begin(deployment: Path) -> None:
    """Finish what an interrupted run has left, and mark the folder as one that composer has begun to write.

    Raises:
        ComposerError: It cannot be written.
    """
    try:
        make_folder(deployment, 0o755)
        settle(deployment)
        make_folder(deployment / STAGED, 0o700)
    except OSError as error:
        raise _cannot_write(error, deployment) from error


def _cannot_write(error: OSError, deployment: Path) -> ComposerError:
    place = error.filename or deployment
    return ComposerError(
        f"cannot write {place}: {error.strerror}", "make room or give yourself the right to write there"
    )


def changed_files(rendering: Rendering, deployment: Path) -> tuple[PurePosixPath, ...]:
    """Return the files that :func:`write_deployment` would write."""
    return tuple(file.path for file in rendering.files if not _is_written(deployment / file.path, file))


def differences(rendering: Rendering, deployment: Path) -> tuple[Difference, ...]:
    """Return what :func:`write_deployment` would change, the files that it would delete too.

    The manifest says nothing that the other files do not say.

    Raises:
        ComposerError: What is there cannot be read.
    """
    try:
        found = [
            Difference(str(file.path), _content(deployment / file.path), file.content)
            for file in rendering.files
            if file.path.name != MANIFEST and not _is_written(deployment / file.path, file)
        ]
        abandoned = _abandoned(_recorded(deployment, force=True), rendering)
        found += [
            Difference(name, content, None)
            for name, digest in abandoned.items()
            if (content := _content(deployment / name)) is not None and hashlib.sha256(content).hexdigest() == digest
        ]
    except OSError as error:
        raise ComposerError(f"cannot read {error.filename}: {error.strerror}", "see whom it belongs to") from error
    return tuple(found)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def _is_written(path: Path, file: GeneratedFile) -> bool:
    try:
        return path.is_file() and path.stat().st_mode & 0o7777 == file.mode and path.read_bytes() == file.content
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


def _edits(
    deployment: Path, contents: Mapping[PurePosixPath, bytes], recorded: Mapping[str, str], force: bool
) -> list[GeneratedFile]:
    """Stop at a file that is neither what was generated last nor what is generated now, or return copies of them."""
    copies = []
    for path in contents:
        target = deployment / path
        if str(path) == MANIFEST or not target.is_file():
            continue
        if hash_of(target) == recorded.get(str(path)):
            continue
        if not force:
            raise ComposerError(
                f"{target} was changed by hand",
                "put your changes into compose.override.yml, or use --force to replace it and keep yours as .orig",
                unified(Difference(str(path), target.read_bytes(), contents[path])),
            )
        copies += _copy_of(deployment, path)
    return copies


def _copy_of(deployment: Path, path: PurePosixPath) -> list[GeneratedFile]:
    """Return a copy of a file under a name that is free: what was put aside before stays. None where it is there."""
    content = (deployment / path).read_bytes()
    for number in itertools.count():
        copy = path.with_name(f"{path.name}{ASIDE}{number or ''}")
        kept = deployment / copy
        if not os.path.lexists(kept):
            # It has the same values in it as its successor, which others may not read.
            return [GeneratedFile(copy, content, 0o600)]
        if kept.is_file() and not kept.is_symlink() and kept.read_bytes() == content:
            kept.chmod(0o600)
            return []
    raise AssertionError("numbers do not end")


def _abandoned(recorded: Mapping[str, str], rendering: Rendering) -> dict[str, str]:
    """Return what an earlier generation wrote and this one does not, with the hash that it had."""
    kept = {str(file.path) for file in rendering.files}
    return {name: digest for name, digest in below_the_folder(recorded).items() if name not in kept}


def _give_folder(top: int, path: PurePosixPath, owner: Owner) -> None:
    """Make a folder of a participant. Its jobs write beside it, and what they link to must not become theirs."""
    if len(path.parts) > _WORKSPACE_DEPTH:
        with opened_below(top, ".", path.parent, make=0o700) as above, contextlib.suppress(FileNotFoundError):
            if not stat.S_ISDIR(os.lstat(path.name, dir_fd=above).st_mode):
                os.unlink(path.name, dir_fd=above)
    with opened_below(top, ".", path, make=0o700) as folder:
        if os.geteuid() == 0:
            os.fchown(folder, owner.uid, owner.gid)
