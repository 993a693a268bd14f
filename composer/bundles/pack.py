"""Writes archives: the same content gives the same bytes, whoever writes it, when and where.

An archive is a tar of sorted names without owners and times, in several gzip members (RFC 1952 allows that): what is
compressed already is stored, and does not cost the time to try again.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from composer.bundles.age import Seal
from composer.model.errors import ComposerError
from composer.model.files import GeneratedFile

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


def write_archive(contents: Contents, folder: Path, sums: Sums, seal: Seal | None = None) -> tuple[Path, str]:
    """Write ``folder/NAME.tar.gz``, which unpacks into ``NAME/``; return its path and its SHA-256.

    Args:
        contents: What goes in.
        folder: Where it is put.
        sums: Those of large files, which are read once.
        seal: What it is encrypted with; then it is ``NAME.tar.gz.age``, and nothing is ever written in the clear.

    Raises:
        ComposerError: It cannot be written, or another composer is writing it; then nothing is left of it.
    """
    target = folder / f"{contents.name}.tar.gz{'.age' if seal else ''}"
    try:
        with _part(target) as file:
            out = _Digested(file)
            if seal:
                seal.write(_pieces(contents, sums), out)
            else:
                for piece in _pieces(contents, sums):
                    out.write(piece)
            file.flush()
    except OSError as error:
        raise ComposerError(f"cannot write {target}: {error.strerror}", "make room, or name another folder") from error
    return target, out.sha256


@contextmanager
def _part(target: Path) -> Iterator[BinaryIO]:
    """Yield a file that becomes ``target`` when all of it is written. What a killed composer has left is taken over."""
    part = target.with_name(f".{target.name}.part")
    with _locked(part) as file:
        try:
            file.truncate()
            os.fchmod(file.fileno(), 0o600)
            yield file
            os.fsync(file.fileno())
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _locked(part: Path) -> BinaryIO:
    while True:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        file = os.fdopen(descriptor, "wb")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it may have finished in between: then it is an archive by now, and not to be written over.
            if part.exists() and os.path.samestat(part.lstat(), os.fstat(descriptor)):
                return file
        except BlockingIOError as error:
            file.close()
            raise ComposerError(
                f"another composer is writing {part.name[1:].removesuffix('.part')}", "wait until it has finished"
            ) from error
        except OSError:
            file.close()
            raise
        file.close()


class _Digested:
    """Hands on what is written to it, and knows its SHA-256."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._digest = out, hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, piece: bytes) -> None:
        self._digest.update(piece)
        self._out.write(piece)


def _pieces(contents: Contents, sums: Sums) -> Iterator[bytes]:
    """Yield the archive piece by piece."""
    files = sorted([*contents.files, _sums(contents, sums)], key=lambda file: file.path)
    folders = {parent for path in [f.path for f in files] + list(contents.attached) for parent in path.parents}
    top = PurePosixPath(contents.name)
    first = [_header(top / folder, 0, 0o700, folder=True) for folder in sorted(folders)]
    for file in files:
        first += [_header(top / file.path, len(file.content), file.mode), file.content, _padding(len(file.content))]
    yield from _member(first, 9)
    for path, source in sorted(contents.attached.items()):
        yield from _member(_attached(top / path, source), _STORED.get(path.suffix, 6))
    yield from _member([b"\0" * 1024], 9)


def _attached(path: PurePosixPath, source: Path) -> Iterator[bytes]:
    with source.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        yield _header(path, size, 0o600)
        while block := file.read(_BLOCK):
            yield block
        yield _padding(size)


def _sums(contents: Contents, sums: Sums) -> GeneratedFile:
    lines = {str(file.path): hashlib.sha256(file.content).hexdigest() for file in contents.files}
    lines.update({str(path): sums.of(source) for path, source in contents.attached.items()})
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(lines.items()))
    return GeneratedFile(PurePosixPath(SUMS), text.encode(), 0o600)


def _member(blocks: Iterable[bytes], level: int) -> Iterator[bytes]:
    """Yield a gzip member of blocks."""
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=level, fileobj=out, mtime=0) as stream:
        for block in blocks:
            stream.write(block)
            if out.tell() >= _BLOCK:
                yield out.getvalue()
                out.seek(0)
                out.truncate()
    yield out.getvalue()


def _header(path: PurePosixPath, size: int, mode: int, folder: bool = False) -> bytes:
    entry = tarfile.TarInfo(str(path))
    entry.type = tarfile.DIRTYPE if folder else tarfile.REGTYPE
    entry.size, entry.mode, entry.mtime = size, mode, _TIME
    return entry.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % tarfile.BLOCKSIZE)
