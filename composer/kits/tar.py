"""Reads the members of a tar file that holds nothing but folders and plain files; everything else is refused.

The standard library's reader is not used: its filters could be got around (CVE-2025-4517 and others), and its
header parser takes quadratic time on hostile input (CVE-2024-6232), in Pythons that are still in use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 512
_LARGEST_HEADER = 64 * 1024
_FILE, _FOLDER = (b"0", b"\0", b"7"), b"5"
_LONG_NAME, _PAX, _PAX_GLOBAL = b"L", b"x", b"g"
_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"K": "a link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"S": "a sparse file",
}


@dataclass(frozen=True)
class TarMember:
    """A folder or a plain file in a tar archive; ``name`` is as it stands there, unchecked."""

    name: str
    is_folder: bool
    mode: int
    data: bytes


def members_of_tar(data: bytes, most: int) -> Iterator[TarMember]:
    """Read a whole tar file (ustar, GNU or pax), already decompressed.

    Args:
        data: The file.
        most: How many members it may have.

    Raises:
        ValueError: It is damaged, or holds a link, a device or anything else that is no folder or plain file.
    """
    at, count = 0, 0
    long_name: str | None = None
    while True:
        header = data[at : at + _BLOCK]
        if len(header) < _BLOCK:
            raise ValueError("it is cut off")
        if header == bytes(_BLOCK):
            return
        kind, size, mode = _checked(header)
        body = data[at + _BLOCK : at + _BLOCK + size]
        if len(body) < size:
            raise ValueError("it is cut off")
        at += _BLOCK + -(-size // _BLOCK) * _BLOCK
        if kind in (_LONG_NAME, _PAX, _PAX_GLOBAL):
            if size > _LARGEST_HEADER:
                raise ValueError("it has an overlong header")
            long_name = _named(kind, body) or long_name
            continue
        count += 1
        if count > most:
            raise ValueError(f"it has more than {most} members")
        name = long_name if long_name is not None else _name(header)
        long_name = None
        if kind != _FOLDER and kind not in _FILE:
            raise ValueError(f"{name!r} is {_KINDS.get(kind, 'of an unknown kind')}")
        # A name that ends in a slash is a folder to every unpacker, whatever the header says.
        is_folder = kind == _FOLDER or name.endswith("/")
        if is_folder and size:
            raise ValueError(f"{name!r} is a folder with content")
        yield TarMember(name, is_folder, mode, body)


def _checked(header: bytes) -> tuple[bytes, int, int]:
    total = sum(header) - sum(header[148:156]) + 8 * ord(" ")
    if _octal(header[148:156]) != total:
        raise ValueError("it is damaged: a checksum does not match")
    return header[156:157], _octal(header[124:136]), _octal(header[100:108])


def _octal(field: bytes) -> int:
    text = field.strip(b"\0 ")
    if not text:
        return 0
    # Also keeps out base-256 numbers: only sizes of 8 GiB and more are written so.
    if text.strip(b"01234567"):
        raise ValueError("it is damaged: a number in a header is none")
    return int(text, 8)


def _name(header: bytes) -> str:
    name = header[:100].split(b"\0", 1)[0]
    if header[257:263] == b"ustar\0":
        prefix = header[345:500].split(b"\0", 1)[0]
        name = prefix + b"/" + name if prefix else name
    return _text(name)


def _named(kind: bytes, body: bytes) -> str | None:
    """The name that an extra header gives to the member after it."""
    if kind == _LONG_NAME:
        return _text(body.rstrip(b"\0"))
    path = None
    while body:
        digits, space, _ = body.partition(b" ")
        if not space or not digits.isdigit() or len(digits) > 6 or not len(digits) + 3 < int(digits) <= len(body):
            raise ValueError("it is damaged: an extended header is malformed")
        key, _, value = body[len(digits) + 1 : int(digits) - 1].partition(b"=")
        body = body[int(digits) :]
        if key == b"size" or key.startswith(b"GNU.sparse"):
            raise ValueError("it holds a sparse or an oversized file")
        if key == b"path" and kind == _PAX:
            path = _text(value)
    return path


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise ValueError("a name in it is not UTF-8") from None
