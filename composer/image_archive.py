"""Moves images between engines without a registry: one archive in which what they share lies once, and its sums."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from composer.engine import Engine
from composer.errors import ComposerError
from composer.model import Command
from composer.process import stream

_ARCHIVE = "images.tar"
_LIST = "images.json"
_BLOCK = 1 << 20


def save_archive(engine: Engine, tags: Sequence[str], folder: Path, line: Callable[[str], None]) -> None:
    """Write images to ``folder``, over what an earlier save left there.

    Args:
        engine: The engine that has them.
        tags: Which ones.
        folder: It is made where it is missing.
        line: Gets each line that Docker writes.

    Raises:
        ComposerError: An image is missing, or the folder cannot be written.
    """
    known = engine.image_inputs()
    missing = [tag for tag in tags if tag not in known]
    if missing:
        raise ComposerError(f"there is no image {missing[0]}", "build it first: composer build")
    part = folder / f".{_ARCHIVE}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream(Command(("docker", "save", "--output", str(part), *tags)), line)
        part.chmod(0o644)
        document = {"sha256": _sha256(part), "images": {tag: known[tag] for tag in tags}}
        part.replace(folder / _ARCHIVE)
        (folder / _LIST).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ComposerError(f"cannot write {folder}: {error.strerror}", "make room, or name another folder") from error
    finally:
        part.unlink(missing_ok=True)


def load_archive(engine: Engine, folder: Path, line: Callable[[str], None]) -> tuple[str, ...]:
    """Load the images that :func:`save_archive` wrote to ``folder`` and return their tags.

    Raises:
        ComposerError: It holds none, they are damaged, or the engine has others afterwards than were saved.
    """
    hint = "copy the folder again, whole, as composer images save wrote it"
    try:
        document = json.loads((folder / _LIST).read_text(encoding="utf-8"))
        wanted = {str(tag): str(inputs) for tag, inputs in document["images"].items()}
        if _sha256(folder / _ARCHIVE) != document["sha256"]:
            raise ComposerError(f"{folder / _ARCHIVE} is damaged", hint)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ComposerError(f"there are no images of composer in {folder}", hint) from error
    stream(Command(("docker", "load", "--input", str(folder / _ARCHIVE))), line)
    there = engine.image_inputs()
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
