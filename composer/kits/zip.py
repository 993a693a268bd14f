"""Reads the members of a zip file that holds nothing but folders and plain files; everything else is refused."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ENCRYPTED, _STRONG = 0x1, 0x40
_AES = 99
_LOCAL_HEADER = 30
_UNIX = 3
# The standard library decrypts in Python, a few MiB a second: a kit of NVFLARE's dashboard has 50 KiB.
_MOST_ENCRYPTED = 16 * 1024 * 1024
_RATIO = 200


class PinNeededError(Exception):
    """The archive is encrypted and nobody can be asked for the PIN."""


class PinWrongError(Exception):
    """The archive does not open with the PIN that was given."""


def members_of_zip(
    data: bytes, pin: Callable[[], str] | None, most: int, most_bytes: int
) -> Iterator[tuple[str, bool, int | None, bytes]]:
    """Read a whole zip file.

    Args:
        data: The file.
        pin: Asked once, and only if a member is encrypted.
        most: How many members it may have.
        most_bytes: How many bytes they may have together.

    Returns:
        Name as it stands there, whether it is a folder, its permission bits (None where it has none) and content.

    Raises:
        ValueError: It is damaged, or holds anything but folders and plain files.
        PinNeededError: A member is encrypted and there is no ``pin``.
        PinWrongError: The PIN is wrong.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, NotImplementedError, struct.error, UnicodeDecodeError, OverflowError, OSError):
        raise ValueError("it is damaged, or no zip file") from None
    with archive:
        infos = archive.infolist()
        if len(infos) > most:
            raise ValueError(f"it has more than {most} members")
        for info in infos:
            _judge(info)
        if sum(info.file_size for info in infos) > most_bytes:
            raise ValueError(f"it unpacks to more than {most_bytes >> 20} MiB")
        _refuse_overlap(infos, archive.start_dir)
        password = _password(infos, pin)
        yield from [(*_described(info), _content(archive, info, password)) for info in infos]


def _judge(info: zipfile.ZipInfo) -> None:
    name = info.orig_filename
    # zipfile cuts a name at NUL and says nothing.
    if "\0" in name or name != info.filename:
        raise ValueError(f"{name!r} is not a plain name")
    if info.compress_type == _AES or info.flag_bits & _STRONG:
        raise ValueError(f"{name!r} is encrypted with AES; unpack it with 7z and give the folder")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name!r} is compressed in an unusual way")
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == _UNIX else 0
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ValueError(f"{name!r} is a link, a device or a pipe")
    if kind == stat.S_IFDIR and not info.is_dir():
        raise ValueError(f"{name!r} is a folder with a file's name")
    if info.is_dir() and info.file_size:
        raise ValueError(f"{name!r} is a folder with content")
    if info.file_size > 1024 * 1024 and info.file_size > info.compress_size * _RATIO:
        raise ValueError(f"{name!r} unpacks to far more than a file of a kit would")


def _refuse_overlap(infos: list[zipfile.ZipInfo], end: int) -> None:
    # CVE-2024-0450: members that share their bytes. Pythons before 3.11.8 do not look.
    for info in sorted(infos, key=lambda info: info.header_offset, reverse=True):
        if info.header_offset + _LOCAL_HEADER + len(info.orig_filename) + info.compress_size > end:
            raise ValueError("its members overlap")
        end = info.header_offset


def _password(infos: list[zipfile.ZipInfo], pin: Callable[[], str] | None) -> bytes | None:
    encrypted = [info for info in infos if info.flag_bits & _ENCRYPTED]
    if not encrypted:
        return None
    if sum(info.file_size for info in encrypted) > _MOST_ENCRYPTED:
        raise ValueError("it is encrypted and too large; unpack it with `unzip` and give the folder")
    if pin is None:
        raise PinNeededError
    return pin().encode()


def _described(info: zipfile.ZipInfo) -> tuple[str, bool, int | None]:
    mode = stat.S_IMODE(info.external_attr >> 16) if info.create_system == _UNIX else 0
    return info.orig_filename, info.is_dir(), mode or None


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, password: bytes | None) -> bytes:
    if info.is_dir():
        return b""
    try:
        return archive.read(info, password)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, EOFError, struct.error, OSError):
        # One wrong PIN in 256 gets past zip's own test and shows as damage.
        if info.flag_bits & _ENCRYPTED:
            raise PinWrongError from None
        raise ValueError(f"{info.orig_filename!r} is damaged") from None
