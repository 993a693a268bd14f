"""Writes archives: the same content gives the same bytes, whoever writes it, when and where.

An archive is a tar of sorted names without owners and times, in several gzip members (RFC 1952 allows that): what is
compressed already is stored, and does not cost the time to try again.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from composer.errors import ComposerError
from composer.model import GeneratedFile

SUMS = "SHA256SUMS"
# 1980-01-01: the oldest that zip knows, should somebody pack it anew.
_TIME = 315532800
_BLOCK = 1 << 20
_STORED = {".whl": 0, ".tar": 1}


@dataclass(frozen=True)
class Contents:
    """What goes into an archive: files, and (``attached``) large ones that are copied from where they lie."""

    name: str
    files: Sequence[GeneratedFile]
    attached: Mapping[PurePosixPath, Path] = field(default_factory=dict)


class Sums:
    """The SHA-256 of files, each read once however many archives it goes into."""

    def __init__(self) -> None:
        self._known: dict[Path, str] = {}

    def of(self, path: Path) -> str:
        """Return the SHA-256 (hex) of a file."""
        if path not in self._known:
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
            self._known[path] = digest.hexdigest()
        return self._known[path]


def write_archive(contents: Contents, folder: Path, sums: Sums) -> Path:
    """Write ``folder/NAME.tar.gz``, which unpacks into ``NAME/``, and return its path.

    Raises:
        ComposerError: It cannot be written; then nothing is left of it.
    """
    target = folder / f"{contents.name}.tar.gz"
    part = folder / f".{contents.name}.tar.gz.part"
    try:
        with part.open("xb") as file:
            part.chmod(0o600)
            _write(file, contents, sums)
        part.replace(target)
    except OSError as error:
        raise ComposerError(f"cannot write {target}: {error.strerror}", "make room, or name another folder") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _write(out: BinaryIO, contents: Contents, sums: Sums) -> None:
    files = sorted([*contents.files, _sums(contents, sums)], key=lambda file: file.path)
    folders = {parent for path in [f.path for f in files] + list(contents.attached) for parent in path.parents}
    top = PurePosixPath(contents.name)
    with _member(out, 9) as stream:
        for folder in sorted(folders):
            stream.write(_header(top / folder, 0, 0o700, folder=True))
        for file in files:
            stream.write(_header(top / file.path, len(file.content), file.mode) + file.content)
            stream.write(_padding(len(file.content)))
    for path, source in sorted(contents.attached.items()):
        with _member(out, _STORED.get(path.suffix, 6)) as stream, source.open("rb") as file_:
            size = source.stat().st_size
            stream.write(_header(top / path, size, 0o600))
            while block := file_.read(_BLOCK):
                stream.write(block)
            stream.write(_padding(size))
    with _member(out, 9) as stream:
        stream.write(b"\0" * 1024)


def _sums(contents: Contents, sums: Sums) -> GeneratedFile:
    lines = {str(file.path): hashlib.sha256(file.content).hexdigest() for file in contents.files}
    lines.update({str(path): sums.of(source) for path, source in contents.attached.items()})
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(lines.items()))
    return GeneratedFile(PurePosixPath(SUMS), text.encode(), 0o600)


def _member(out: BinaryIO, level: int) -> gzip.GzipFile:
    return gzip.GzipFile(filename="", mode="wb", compresslevel=level, fileobj=out, mtime=0)


def _header(path: PurePosixPath, size: int, mode: int, folder: bool = False) -> bytes:
    entry = tarfile.TarInfo(str(path))
    entry.type = tarfile.DIRTYPE if folder else tarfile.REGTYPE
    entry.size, entry.mode, entry.mtime = size, mode, _TIME
    return entry.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % tarfile.BLOCKSIZE)
