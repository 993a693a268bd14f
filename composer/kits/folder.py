"""A kit's folder as it lies on disk: read once, without following a link, and never written."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from composer.model.files import Owner

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Kind = Literal["file", "folder", "link", "other"]

# Only the contexts of homomorphic encryption are larger than KEPT; nothing in a kit is larger than LIMIT.
KEPT = 256 * 1024
# state/ is no part of a kit: it holds the keys of the whole project, and is looked at in order to say so.
_READ = ("startup", "local", "state")
LIMIT = 256 * 1024 * 1024
ENTRIES = 5_000
DEPTH = 8


class UnreadableError(Exception):
    """A part of a kit that cannot be read, and the check that this is a matter of.

    Attributes:
        reason: What is wrong, one line, with the file's name.
        fix: What to do about it.
        check: The id of the check.
        file: The file that it is about, relative to the kit.
        also: More such files.
    """

    def __init__(
        self, reason: str, fix: str, *, check: str = "KIT-ROLE", file: str = "", also: tuple[str, ...] = ()
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix
        self.check = check
        self.file = file
        self.also = also


class TooLargeError(OSError):
    """A file that is larger than anything in a kit."""


@dataclass(frozen=True)
class Entry:
    """What lies under one name in a kit; ``mode`` holds the permission bits alone."""

    path: str
    kind: Kind
    mode: int
    owner: Owner
    size: int


@dataclass(frozen=True)
class KitFolder:
    """A kit's folder.

    Attributes:
        path: Where it lies, absolute.
        root: The entry of the folder itself.
        entries: What lies at its top and everything below ``startup``, ``local`` and ``state``, by relative path.
        contents: The bytes of the regular files among them that are not large.
        complete: False where there was more than composer looks at.
        closed: The folders among them that this user may not list.
    """

    path: Path
    root: Entry
    entries: Mapping[str, Entry]
    contents: Mapping[str, bytes]
    complete: bool
    closed: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Whether there is a regular file of that relative path."""
        entry = self.entries.get(name)
        return entry is not None and entry.kind == "file"

    def has_folder(self, name: str) -> bool:
        """Whether there is a real folder of that relative path."""
        entry = self.entries.get(name)
        return entry is not None and entry.kind == "folder"

    def read(self, name: str, check: str = "KIT-ROLE") -> bytes:
        """The bytes of a file.

        Args:
            name: Its relative path.
            check: The id of the check that it matters to if the file is missing.

        Raises:
            UnreadableError: It is missing, no regular file, unreadable to this user, or too large.
        """
        if name in self.contents:
            return self.contents[name]
        entry = self.entries.get(name)
        if entry is None:
            raise UnreadableError(
                f"{name} is missing", "ask for the kit again: it is not complete", check=check, file=name
            )
        if entry.kind != "file":
            raise UnreadableError(
                f"{name} is a {_SAID[entry.kind]}, not a file", "replace it by the file itself", file=name
            )
        try:
            return read_file(self.path / name, LIMIT)[1]
        except OSError as error:
            raise UnreadableError(
                f"{name} cannot be read: {error.strerror or error}",
                "run composer as the user that the kit belongs to",
                check="MODE" if isinstance(error, PermissionError) else "KIT-ROLE",
                file=name,
            ) from None

    def text(self, name: str) -> str:
        """The text of a file that NVFLARE itself reads as UTF-8.

        Raises:
            UnreadableError: As for :meth:`read`, or it is no UTF-8, or it starts with a byte-order mark.
        """
        try:
            text = self.read(name).decode()
        except UnicodeDecodeError:
            raise UnreadableError(f"{name} is not a text file (UTF-8)", _AGAIN, file=name) from None
        if text.startswith("\ufeff"):
            raise UnreadableError(f"{name} starts with a byte-order mark, which NVFLARE cannot read", _AGAIN, file=name)
        return text

    def document(self, name: str) -> dict[str, Any]:
        """The object in a JSON file.

        Raises:
            UnreadableError: As for :meth:`text`, or it is no JSON object, or it says a thing twice.
        """
        try:
            document = json.loads(self.text(name), object_pairs_hook=_once, parse_constant=_no_constant)
        except RecursionError:
            raise UnreadableError(f"{name} is nested too deeply", _AGAIN, file=name) from None
        except ValueError as error:
            raise UnreadableError(f"{name} is not valid JSON: {error}", _AGAIN, file=name) from None
        if not isinstance(document, dict):
            raise UnreadableError(f"{name} is not a JSON object", _AGAIN, file=name)
        return document


_AGAIN = "unpack the kit again from what you were sent, or ask for it again"
_SAID: dict[Kind, str] = {
    "file": "file",
    "folder": "folder",
    "link": "symbolic link",
    "other": "device, socket or pipe",
}


def load_folder(path: Path) -> KitFolder:
    """Read the kit's folder at ``path``, which must be absolute.

    Raises:
        OSError: The folder itself cannot be listed.
    """
    entries: dict[str, Entry] = {}
    closed: list[str] = []
    inside = 0
    for entry in _walk(path, closed):
        entries[entry.path] = entry
        # At the top a used kit may hold the folders of a thousand jobs.
        inside += "/" in entry.path
        if inside > ENTRIES:
            break
    contents: dict[str, bytes] = {}
    for entry in entries.values():
        # The top level may hold logs and whatever a site keeps there: only what NVFLARE put below is content.
        if entry.kind == "file" and entry.size <= KEPT and "/" in entry.path:
            with contextlib.suppress(OSError):
                contents[entry.path] = read_file(path / entry.path, KEPT)[1]
    return KitFolder(path, _entry("", path.stat()), entries, contents, inside <= ENTRIES, tuple(closed))


def _walk(path: Path, closed: list[str]) -> Iterator[Entry]:
    pending = [("", 0)]
    while pending:
        below, depth = pending.pop()
        try:
            with os.scandir(path / below) as found:
                listed = sorted(found, key=lambda item: item.name)
        except OSError:
            if not below:
                raise
            closed.append(below)
            continue
        for item in listed:
            entry = _entry(f"{below}/{item.name}" if below else item.name, item.stat(follow_symlinks=False))
            yield entry
            if entry.kind == "folder" and depth < DEPTH and (depth or item.name in _READ):
                pending.append((entry.path, depth + 1))


def _entry(path: str, status: os.stat_result) -> Entry:
    kind: Kind = "other"
    if stat.S_ISREG(status.st_mode):
        kind = "file"
    elif stat.S_ISDIR(status.st_mode):
        kind = "folder"
    elif stat.S_ISLNK(status.st_mode):
        kind = "link"
    owner = Owner(status.st_uid, status.st_gid)
    return Entry(path, kind, stat.S_IMODE(status.st_mode), owner, status.st_size)


def read_file(path: Path, limit: int) -> tuple[int, bytes]:
    """Return the mode and the content of a regular file.

    Raises:
        TooLargeError: It has more than ``limit`` bytes, be it by its size alone.
        OSError: It is a link, no regular file, or cannot be read.
    """
    # NOFOLLOW and NONBLOCK: whoever swaps the file for a link or a pipe in between gets an error, not a read.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a regular file")
        data = stream.read(limit + 1) if status.st_size <= limit else b""
    if max(status.st_size, len(data)) > limit:
        raise TooLargeError("too large for a file of a kit")
    return status.st_mode, data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key is there twice")
    return document


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
