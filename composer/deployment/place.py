"""Where a deployment folder may lie: in a folder of its own, and far from kits."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable
from pathlib import Path

from composer.deployment.layout import (
    COMPOSE_FILE,
    HISTORY,
    IMAGES,
    OVERRIDE_FILE,
    PRIVATE,
    QUADLETS,
    RUN_FILE,
    STARTED,
)
from composer.deployment.manifest import MANIFEST, parse_manifest
from composer.deployment.trust import require_trusted
from composer.model.errors import ComposerError
from composer.system.foreign_text import clip, escape_line

STAGED = ".staged"
LOCK = ".lock"
KITS = "kits"
HOSTS = "hosts"
PART = f".{MANIFEST}.part"
# Composer's own down to the last file, whatever is in them.
WHOLE_FOLDERS = ("workspaces", "job-store", "venvs", STARTED, IMAGES, HISTORY, STAGED)
_ALWAYS_OWN = frozenset((*WHOLE_FOLDERS, LOCK, PART, OVERRIDE_FILE))
# What else is at the top of a folder that is generated, with containers or without.
_SCRIPTS = ("start.sh", "stop.sh", "status.sh", "logs.sh", "admin.sh", "check.sh")
_SOURCES = (COMPOSE_FILE, RUN_FILE, QUADLETS)
_GENERATED = ("images", HOSTS, "local", "participants", "python", "lib", PRIVATE, *_SOURCES, MANIFEST, *_SCRIPTS)
_OWN_WHILE_WRITTEN = _ALWAYS_OWN.union(_GENERATED, (KITS,))
_PROVISIONED = re.compile(r"prod_[0-9]+")
_OF_KITS = ("rootCA.pem", "fed_server.json", "fed_client.json", "fed_admin.json", "fed_relay.json")
_OF_ITS_OWN = "name a folder of its own: -C DIR"


def require_place(deployment: Path, given: Iterable[Path]) -> None:
    """Make sure that a deployment may be written to a folder, before anything of it is.

    Args:
        deployment: The folder; its real path. It may be missing.
        given: The kits and the definition that it is made from.

    Raises:
        ComposerError: It is or lies in a kit or a prod_NN folder, holds what it is made from, or holds other things
            and is no deployment.
    """
    require_trusted(deployment)
    for folder in (deployment, *deployment.parents):
        kind = "the kit" if is_kit(folder) else "the provisioned kits of" if _holds_kits(folder) else ""
        if kind:
            where = "is" if folder == deployment else "lies in"
            raise ComposerError(f"the deployment folder {deployment} {where} {kind} {folder}", _OF_ITS_OWN)
    for path in given:
        if path.resolve().is_relative_to(deployment):
            raise ComposerError(f"the deployment folder {deployment} holds {path}, which it is made from", _OF_ITS_OWN)
    foreign = () if is_deployment(deployment) else _foreign(deployment)
    if foreign:
        raise ComposerError(
            f"{deployment} is not a deployment folder, and holds {clip(escape_line(foreign[0]), 80)}", _OF_ITS_OWN
        )


def is_deployment(folder: Path) -> bool:
    """Tell whether a folder has a manifest of composer's."""
    path = folder / MANIFEST
    try:
        parse_manifest(path.read_text(encoding="utf-8"), path)
    except (ComposerError, OSError, UnicodeDecodeError):
        return False
    return True


def is_unfinished(folder: Path) -> bool:
    """Tell whether a folder holds only what a first run of composer leaves that could not write all of it."""
    return not (folder / MANIFEST).exists() and folder.is_dir() and any(folder.iterdir()) and not _foreign(folder)


def is_kit(folder: Path) -> bool:
    """Tell whether a folder is a startup kit."""
    return any((folder / "startup" / name).is_file() for name in _OF_KITS)


def _holds_kits(folder: Path) -> bool:
    return bool(_PROVISIONED.fullmatch(folder.name)) and folder.is_dir() and any(map(is_kit, folder.iterdir()))


def _foreign(deployment: Path) -> tuple[str, ...]:
    """Return what is in a folder without a manifest and is not composer's."""
    try:
        entries = sorted(deployment.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise ComposerError(f"cannot read {deployment}: {error.strerror}", "see whom it belongs to") from error
    own = _OWN_WHILE_WRITTEN if _is_being_written(deployment) else _ALWAYS_OWN
    return tuple(
        entry.name
        for entry in entries
        if stat.S_ISLNK(entry.lstat().st_mode) or not (entry.name in own or entry.name.endswith(".orig"))
    )


def _is_being_written(deployment: Path) -> bool:
    """Composer stages before it writes anything, and a damaged manifest has composer's folders beside it."""
    staged, workspaces = deployment / STAGED, deployment / WHOLE_FOLDERS[0]
    marked = workspaces.is_dir() if (deployment / MANIFEST).is_file() else staged.is_dir()
    return marked and not staged.is_symlink() and not workspaces.is_symlink()
