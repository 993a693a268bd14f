"""What a deployment folder says of itself, and from which files its containers were last started."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from composer.deployment.files import write
from composer.deployment.layout import STARTED
from composer.deployment.manifest import MANIFEST, Manifest, dump_manifest, parse_manifest
from composer.deployment.trust import require_trusted
from composer.model.errors import ComposerError


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
        write(part, dump_manifest(manifest).encode(), 0o644)
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
            write(part, content, 0o600)
            part.replace(folder / name)
        for path in folder.iterdir():
            if path.name not in contents:
                path.unlink()
    except OSError as error:
        raise ComposerError(f"cannot write {error.filename or folder}: {error.strerror}", "make room there") from error


def read_started(deployment: Path) -> dict[str, bytes]:
    """Return what :func:`keep_started` has kept, by name."""
    return {path.name: path.read_bytes() for path in (deployment / STARTED).glob("[!.]*")}
