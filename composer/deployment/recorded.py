"""What a deployment folder says of itself, and from which files its containers were last started."""

from __future__ import annotations

import itertools
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from composer.deployment.files import write
from composer.deployment.layout import STARTED
from composer.deployment.manifest import MANIFEST, Manifest, dump_manifest, parse_manifest
from composer.deployment.trust import require_trusted
from composer.model.errors import ComposerError
from composer.model.reporter import Reporter


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
        former = deployment / MANIFEST
        # It may be for its owner's eyes alone.
        mode = stat.S_IMODE(former.stat().st_mode) if former.exists() else 0o644
        write(part, dump_manifest(manifest).encode(), mode)
        part.replace(deployment / MANIFEST)
    except OSError as error:
        raise ComposerError(f"cannot write {deployment / MANIFEST}: {error.strerror}", "make room there") from error


def record_or_warn(manifest: Manifest, deployment: Path, reporter: Reporter) -> None:
    """Do what :func:`record` does after something has been done that goes on without it, such as on a full disk."""
    try:
        record(manifest, deployment)
    except ComposerError as error:
        reporter.warn(f"{error.message}; {error.hint}")


def keep_started(deployment: Path, versions: Sequence[Mapping[str, bytes]]) -> None:
    """Keep copies of the files that containers are made from: later edits of them start nothing by themselves.

    Args:
        deployment: The deployment folder.
        versions: The contents of the files, by name. The newest comes first; older ones are kept as long as there may
            be containers that were made from them, whatever becomes of the command that makes them anew.

    Raises:
        ComposerError: They cannot be written; each file is the former one or the new one, and no older version is lost.
    """
    top = deployment / STARTED
    try:
        if tuple(versions) == read_started(deployment):
            return
        _make(top)
        # Those that move to a place further behind do so before another one takes theirs.
        for number, contents in reversed(tuple(enumerate(versions or ({},)))):
            _keep(_version(top, number), contents)
        for gone in tuple(_kept(top))[max(len(versions), 1) :]:
            shutil.rmtree(gone, ignore_errors=True)
    except OSError as error:
        raise ComposerError(f"cannot write {error.filename or top}: {error.strerror}", "make room there") from error


def read_started(deployment: Path) -> tuple[dict[str, bytes], ...]:
    """Return what :func:`keep_started` has kept, as it takes it."""
    return tuple(filter(None, map(_read, _kept(deployment / STARTED))))


def _kept(top: Path) -> Iterator[Path]:
    return itertools.takewhile(Path.is_dir, (_version(top, number) for number in itertools.count()))


def _version(top: Path, number: int) -> Path:
    return top / f".{number}" if number else top


def _read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*")}


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)


def _keep(folder: Path, contents: Mapping[str, bytes]) -> None:
    _make(folder)
    # What only goes needs no room.
    for name, content in contents.items() if _read(folder) != contents else ():
        part = folder / f".{name}"
        part.unlink(missing_ok=True)
        write(part, content, 0o600)
        part.replace(folder / name)
    for path in folder.iterdir():
        if path.name not in contents and not path.is_dir():
            path.unlink()
