"""Moves images between engines without a registry: one archive in which what they share lies once, and its sums."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from composer.images.store import ImageStore
from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.system.process import stream

_ARCHIVE = "images.tar"
_LIST = "images.json"
_BLOCK = 1 << 20


def save_archive(engine: ImageStore, tags: Sequence[str], folder: Path, line: Callable[[str], None]) -> str:
    """Write images to ``folder``, over what an earlier save left there, and return the archive's SHA-256.

    Args:
        engine: The engine that has them.
        tags: Which ones.
        folder: It is made where it is missing.
        line: Gets each line that Docker writes.

    Raises:
        ComposerError: An image is missing, or the folder cannot be written.
    """
    known = engine.built_images()
    missing = [tag for tag in tags if tag not in known]
    if missing:
        raise ComposerError(f"there is no image {missing[0]}", "build it first: composer build")
    part = folder / f".{_ARCHIVE}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream(engine.saving(part, tags), line)
        part.chmod(0o644)
        digest = _sha256(part)
        document = {"sha256": digest, "images": {tag: known[tag].inputs for tag in tags}}
        part.replace(folder / _ARCHIVE)
        (folder / _LIST).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ComposerError(f"cannot write {folder}: {error.strerror}", "make room, or name another folder") from error
    finally:
        part.unlink(missing_ok=True)
    return digest


def load_archive(engine: ImageStore, folder: Path, sha256: str, line: Callable[[str], None]) -> tuple[str, ...]:
    """Load the images that :func:`save_archive` wrote to ``folder`` and return their tags.

    Args:
        engine: The engine that gets them.
        folder: It holds the archive and what is said of it. Whoever changes one can change the other.
        sha256: The archive's, known by another way; empty: it is not.
        line: Gets each line that Docker writes.

    Raises:
        ComposerError: It holds none, they are damaged or not those that were meant, or the engine has others
            afterwards than were saved.
    """
    hint = "copy the folder again, whole, as composer images save wrote it"
    try:
        document = json.loads((folder / _LIST).read_text(encoding="utf-8"))
        wanted = {str(tag): str(inputs) for tag, inputs in document["images"].items()}
        digest = _sha256(folder / _ARCHIVE)
        if sha256 and digest != sha256.lower():
            raise ComposerError(
                f"{folder / _ARCHIVE} is not the archive that you were told of: its SHA-256 is {digest}",
                "load nothing of it; ask its sender",
            )
        if digest != document["sha256"]:
            raise ComposerError(f"{folder / _ARCHIVE} is damaged", hint)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ComposerError(f"there are no images of composer in {folder}", hint) from error
    stream(Command((engine.program, "load", "--input", str(folder / _ARCHIVE))), line)
    there = {tag: image.inputs for tag, image in engine.built_images().items()}
    strange = [tag for tag, inputs in wanted.items() if there.get(tag) != inputs]
    if strange:
        raise ComposerError(f"{folder / _ARCHIVE} does not hold {strange[0]} as it was saved", hint)
    return tuple(wanted)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
