"""Puts a rendering on disk: staged, compared, replaced. The only room that writes to a deployment folder.

A set of files is replaced as one: all are staged in ``.staged/`` first, a marker says that the set is whole,
and only then are they moved into place. A run that finds the marker finishes the move; one that finds staged
files without it throws them away.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from composer.deployment.descriptors import opened, opened_below
from composer.deployment.difference import Difference, unified
from composer.deployment.layout import STARTED
from composer.deployment.manifest import MANIFEST, Manifest, dump_manifest, parse_manifest
from composer.deployment.place import STAGED
from composer.deployment.trust import require_trusted
from composer.model import GeneratedFile, Owner, Rendering
from composer.model.errors import ComposerError

_COMPLETE = ".complete"
_ASIDE = ".orig"
_WRITERS = 8
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
        _refuse_links(deployment, [file.path for file in rendering.files])
        with opened(deployment.resolve()) as top:
            for path, owner in rendering.folders:
                _give_folder(top, path, owner)
        if changed:
            _stage([*changed, *copies], _abandoned(recorded, rendering), deployment / STAGED)
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
        _make_folder(deployment, 0o755)
        settle(deployment)
        _make_folder(deployment / STAGED, 0o700)
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
    except FileNotFoundError:
        return None


def read_manifest(deployment: Path) -> Manifest | None:
    """Return manifest.json of a deployment folder, or None where there is none.

    Raises:
        ComposerError: It is there, but it cannot be read or is not what composer writes.
    """
    path = deployment / MANIFEST
    if path.exists():
        require_trusted(deployment)
    try:
        return parse_manifest(path.read_text(encoding="utf-8"), path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ComposerError(f"cannot read {path}", "run composer generate --force KITS") from error


def record(manifest: Manifest, deployment: Path) -> None:
    """Write manifest.json anew and nothing else: what the deployment says of itself has changed by being run.

    Raises:
        ComposerError: It cannot be written; the former one is still there.
    """
    part = deployment / f".{MANIFEST}.part"
    try:
        part.unlink(missing_ok=True)
        _write(part, dump_manifest(manifest).encode(), 0o644)
        part.replace(deployment / MANIFEST)
    except OSError as error:
        raise ComposerError(f"cannot write {deployment / MANIFEST}: {error.strerror}", "make room there") from error


def keep_started(deployment: Path, contents: Mapping[str, bytes]) -> None:
    """Keep copies of the files that containers are made from: later edits of them start nothing by themselves.

    Args:
        deployment: The deployment folder.
        contents: Of the files, by name.

    Raises:
        ComposerError: They cannot be written; each file is the former one or the new one.
    """
    folder = deployment / STARTED
    try:
        if contents == read_started(deployment):
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        for name, content in contents.items():
            part = folder / f".{name}"
            part.unlink(missing_ok=True)
            _write(part, content, 0o600)
            part.replace(folder / name)
        for path in folder.iterdir():
            if path.name not in contents:
                path.unlink()
    except OSError as error:
        raise ComposerError(f"cannot write {error.filename or folder}: {error.strerror}", "make room there") from error


def read_started(deployment: Path) -> dict[str, bytes]:
    """Return what :func:`keep_started` has kept, by name."""
    return {path.name: path.read_bytes() for path in (deployment / STARTED).glob("[!.]*")}


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
        if _hash(target) == recorded.get(str(path)):
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
        copy = path.with_name(f"{path.name}{_ASIDE}{number or ''}")
        kept = deployment / copy
        if not os.path.lexists(kept):
            # It has the same values in it as its successor, which others may not read.
            return [GeneratedFile(copy, content, 0o600)]
        if kept.is_file() and not kept.is_symlink() and kept.read_bytes() == content:
            kept.chmod(0o600)
            return []
    raise AssertionError("numbers do not end")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _abandoned(recorded: Mapping[str, str], rendering: Rendering) -> dict[str, str]:
    """Return what an earlier generation wrote and this one does not, with the hash that it had."""
    kept = {str(file.path) for file in rendering.files}
    return {name: digest for name, digest in _below_the_folder(recorded).items() if name not in kept}


def _below_the_folder(named: Mapping[str, str]) -> dict[str, str]:
    paths = {name: PurePosixPath(name) for name in named}
    return {name: named[name] for name, path in paths.items() if not path.is_absolute() and ".." not in path.parts}


def _stage(files: Iterable[GeneratedFile], abandoned: Mapping[str, str], staged: Path) -> None:
    for folder in sorted({(staged / file.path).parent for file in files}):
        _make_folder(folder, 0o755)
    # A disk makes many files durable in the time of one, if it is asked for all of them at once.
    with ThreadPoolExecutor(_WRITERS) as writers:
        list(writers.map(lambda file: _write(staged / file.path, file.content, file.mode), files))
    _write(staged / (_COMPLETE + ".part"), json.dumps(abandoned).encode(), 0o600)
    (staged / (_COMPLETE + ".part")).rename(staged / _COMPLETE)


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor, not a path
        stream.write(content)
        stream.flush()
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)


def settle(deployment: Path) -> None:
    """Finish, or undo, what an interrupted run has staged. Does nothing where nothing was interrupted."""
    staged = deployment / STAGED
    marker = staged / _COMPLETE
    _refuse_links(deployment, [PurePosixPath(STAGED, _COMPLETE)])
    if marker.exists():
        abandoned = _below_the_folder(json.loads(marker.read_bytes()))
        found = [path.relative_to(staged) for path in staged.rglob("*")]
        names = [*map(PurePosixPath, found), *map(PurePosixPath, abandoned)]
        _refuse_links(deployment, names)
        _refuse_links(staged, map(PurePosixPath, found))
        _remove(deployment, abandoned)
        _move(staged, deployment)
        # From here on, what is staged counts as nothing.
        marker.unlink()
    if staged.exists():
        shutil.rmtree(staged)


def _move(source: Path, target: Path) -> None:
    """Move what is in one folder into another, whole folders where there is none of the name yet."""
    # The manifest goes last: until it is there, a run that is not composer's sees the old one. What a user wrote goes
    # first: it is never out of sight.
    for entry in sorted(source.iterdir(), key=lambda path: (path.name == MANIFEST, _ASIDE not in path.name)):
        place = target / entry.name
        if entry.is_dir() and place.is_dir():
            _move(entry, place)
        elif entry.name != _COMPLETE:
            entry.replace(place)


def _remove(deployment: Path, abandoned: Mapping[str, str]) -> None:
    """Delete abandoned files, but for those that were edited, and folders that this empties."""
    for name, digest in abandoned.items():
        target = deployment / name
        with contextlib.suppress(FileNotFoundError):
            if _hash(target) == digest:
                target.unlink()
        for parent in list(PurePosixPath(name).parents)[:-1]:
            with contextlib.suppress(OSError):
                (deployment / parent).rmdir()


def _make_folder(path: Path, mode: int) -> None:
    """Make a folder, and those above it, with modes that no umask changes; one that is there keeps its mode."""
    if not path.is_dir():
        if not path.parent.is_dir():
            _make_folder(path.parent, 0o755)
        path.mkdir()
        path.chmod(mode)


def _give_folder(top: int, path: PurePosixPath, owner: Owner) -> None:
    """Make a folder of a participant. Its jobs write beside it, and what they link to must not become theirs."""
    if len(path.parts) > _WORKSPACE_DEPTH:
        with opened_below(top, ".", path.parent, make=0o700) as above, contextlib.suppress(FileNotFoundError):
            if not stat.S_ISDIR(os.lstat(path.name, dir_fd=above).st_mode):
                os.unlink(path.name, dir_fd=above)
    with opened_below(top, ".", path, make=0o700) as folder:
        if os.geteuid() == 0:
            os.fchown(folder, owner.uid, owner.gid)


def _refuse_links(deployment: Path, paths: Iterable[PurePosixPath]) -> None:
    """Only who may write to the deployment folder makes links there, and that is not composer."""
    for place in {part for path in paths for part in (path, *list(path.parents)[:-1])}:
        if (deployment / place).is_symlink():
            raise ComposerError(
                f"{deployment / place} is a link, and composer writes through none", "see where it leads, and remove it"
            )
