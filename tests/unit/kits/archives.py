"""Archives of kits, good and hostile, byte by byte where the standard library is too polite."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

Files = dict[str, tuple[bytes, int]]


def files_of(kit: Path, below: str = "") -> Files:
    """Content and mode of a kit's files, by the path that they get in an archive."""
    return {
        f"{below}{path.relative_to(kit)}": (path.read_bytes(), path.stat().st_mode & 0o7777)
        for path in sorted(kit.rglob("*"))
        if path.is_file()
    }


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED, unix: bool = True) -> bytes:
    """A zip as `zip -r` makes it, or with ``unix`` False as Windows does."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, (data, mode) in files.items():
            archive.writestr(_info(name, stat.S_IFREG | mode, method, 3 if unix else 0), data)
    return out.getvalue()


def _info(name: str, mode: int, method: int = zipfile.ZIP_STORED, system: int = 3) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    info.create_system, info.compress_type = system, method
    info.external_attr = mode << 16 if system == 3 else 0
    return info


def with_member(files: Files, name: str, data: bytes = b"x", mode: int = stat.S_IFREG | 0o644) -> bytes:
    """A zip of good files and one more."""
    out = io.BytesIO(zipped(files))
    with warnings.catch_warnings(), zipfile.ZipFile(out, "a") as archive:
        warnings.simplefilter("ignore")  # Of a name that is there already.
        archive.writestr(_info(name, mode), data)
    return out.getvalue()


def renamed(archive: bytes, old: bytes, new: bytes) -> bytes:
    """A zip with a member's name exchanged, of the same length, wherever it stands."""
    assert len(old) == len(new)
    assert archive.count(old) == 2
    return archive.replace(old, new)


def tarred(
    files: Files, more: Callable[[tarfile.TarFile], object] | None = None, form: int = tarfile.GNU_FORMAT
) -> bytes:
    """A tar of files, and what ``more`` adds to it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, (data, mode) in files.items():
            add(archive, name, data, mode)
        if more:
            more(archive)
    return out.getvalue()


def add(archive: tarfile.TarFile, name: str, data: bytes = b"", mode: int = 0o644, **fields: object) -> None:
    """Add a member with any fields."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    for field, value in fields.items():
        setattr(info, field, value)
    archive.addfile(info, io.BytesIO(data))


def packed(data: bytes) -> bytes:
    """The same, gzipped."""
    return gzip.compress(data, mtime=0)


# --- ZipCrypto, as `zip -P` writes it (APPNOTE 6.1): the standard library only reads it -------------------------


class _Cipher:
    def __init__(self, password: bytes) -> None:
        self.keys = [0x12345678, 0x23456789, 0x34567890]
        for byte in password:
            self._update(byte)

    def _update(self, byte: int) -> None:
        keys = self.keys
        keys[0] = _crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = _crc(keys[2], keys[1] >> 24)

    def encrypt(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            mask = self.keys[2] | 2
            out.append(byte ^ (((mask * (mask ^ 1)) >> 8) & 0xFF))
            self._update(byte)
        return bytes(out)


def _table() -> Iterator[int]:
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
        yield value


_CRC = tuple(_table())


def _crc(value: int, byte: int) -> int:
    return (value >> 8) ^ _CRC[(value ^ byte) & 0xFF]


def encrypted(files: Files, password: str, method: int = 8, flags: int = 1) -> bytes:
    """A zip as NVFLARE's dashboard makes it: `zip -rq -P PIN`."""
    body, directory = bytearray(), bytearray()
    for name, (data, mode) in files.items():
        crc = zlib.crc32(data)
        compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
        squeezed = compressor.compress(data) + compressor.flush()
        sealed = _Cipher(password.encode()).encrypt(bytes(11) + bytes([crc >> 24]) + squeezed)
        common = struct.pack(
            "<HHHHHIIIHH", 20, flags, method, 0, 0x5A21, crc, len(sealed), len(data), len(name.encode()), 0
        )
        attributes = (stat.S_IFREG | mode) << 16
        directory += b"PK\x01\x02" + struct.pack("<H", 0x031E) + common
        directory += struct.pack("<HHHII", 0, 0, 0, attributes, len(body)) + name.encode()
        body += b"PK\x03\x04" + common + name.encode() + sealed
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(directory), len(body), 0)
    return bytes(body + directory + b"PK\x05\x06" + end)


# --- what nobody should be able to do -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Hostile:
    """An archive that must be refused, made of a good kit's files."""

    name: str
    make: Callable[[Files], bytes]


def many(number: int, data: bytes = b"") -> Files:
    """Many files."""
    return {f"local/{name}": (data, 0o644) for name in range(number)}


def changed(data: bytes) -> bytes:
    """With one byte changed."""
    return data[:60] + bytes([data[60] ^ 255]) + data[61:]


def _link(mode: int, target: bytes = b"/etc/passwd", name: str = "startup/evil") -> Callable[[Files], bytes]:
    return lambda files: with_member(files, name, target, mode | 0o777)


def _named(name: str) -> Callable[[Files], bytes]:
    return lambda files: with_member(files, name)


def _tar(name: str, data: bytes = b"", **fields: object) -> Callable[[Files], bytes]:
    return lambda files: packed(tarred(files, lambda archive: add(archive, name, data, **fields)))  # type: ignore[arg-type]


def _overlapping(files: Files) -> bytes:
    """Every entry of the directory points to the first member's bytes."""
    archive = bytearray(zipped({f"startup/{number}": (b"same", 0o644) for number in range(5)}, zipfile.ZIP_STORED))
    at = archive.index(b"PK\x01\x02")
    while (at := archive.find(b"PK\x01\x02", at)) >= 0:
        archive[at + 42 : at + 46] = bytes(4)
        at += 4
    del files
    return bytes(archive)


def _claiming(files: Files) -> bytes:
    """A member that says it is small and is not."""
    archive = bytearray(with_member(files, "local/big", bytes(5000)))
    at = archive.rindex(b"PK\x01\x02")
    archive[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(archive)


def _bad_checksum(files: Files) -> bytes:
    archive = bytearray(tarred(files))
    archive[148:154] = b"000000"
    return packed(bytes(archive))


def _pax(body: bytes) -> Callable[[Files], bytes]:
    return lambda files: packed(tarred(files, lambda archive: add(archive, "pax", body, type=tarfile.XHDTYPE)))


def _flipped(files: Files) -> bytes:
    archive = bytearray(zipped(files, zipfile.ZIP_STORED))
    archive[archive.index(b"BEGIN CERT")] ^= 1
    return bytes(archive)


HOSTILE = (
    Hostile("zip: up and out", _named("../evil")),
    Hostile("zip: up and out from within", _named("startup/../../evil")),
    Hostile("zip: up in the middle", _named("startup/../local/x")),
    Hostile("zip: absolute", _named("/tmp/evil")),
    Hostile("zip: two slashes", _named("//evil")),
    Hostile("zip: an empty part", _named("startup//evil")),
    Hostile("zip: a dot part", _named("startup/./evil")),
    Hostile("zip: backslashes", _named("..\\evil")),
    Hostile("zip: a drive", _named("C:/evil")),
    Hostile("zip: an alternate stream", _named("startup/fed_client.json:evil")),
    Hostile("zip: a symbolic link", _link(stat.S_IFLNK)),
    Hostile("zip: a link for a folder", _link(stat.S_IFLNK, b"/etc", "local2")),
    Hostile("zip: a character device", _link(stat.S_IFCHR)),
    Hostile("zip: a block device", _link(stat.S_IFBLK)),
    Hostile("zip: a pipe", _link(stat.S_IFIFO)),
    Hostile("zip: a socket", _link(stat.S_IFSOCK)),
    Hostile("zip: setuid", lambda f: with_member(f, "startup/evil", b"x", stat.S_IFREG | 0o4755)),
    Hostile("zip: setgid", lambda f: with_member(f, "startup/evil", b"x", stat.S_IFREG | 0o2755)),
    Hostile("zip: a folder with content", lambda f: with_member(f, "startup/evil/", b"x", stat.S_IFDIR | 0o755)),
    Hostile("zip: a folder as a file", lambda f: with_member(f, "startup/evil", b"", stat.S_IFDIR | 0o755)),
    Hostile("zip: a file under a file", _named("startup/fed_client.json/x")),
    Hostile("zip: a name twice", _named("startup/fed_client.json")),
    Hostile("zip: a name twice in another case", _named("startup/FED_client.json")),
    Hostile("zip: a folder twice in another case", _named("STARTUP/fed_client.json")),
    Hostile("zip: a name twice in another form", _named("startup/fed_client.jso\uff4e")),
    Hostile("zip: NUL in a name", lambda f: renamed(with_member(f, "startup/evilXtxt"), b"evilXtxt", b"evil\0txt")),
    Hostile("zip: a line break in a name", _named("startup/evil\nname")),
    Hostile("zip: an escape in a name", _named("startup/\x1b[31mevil")),
    Hostile("zip: bidirectional name", _named("startup/\u202egnp.exe")),
    Hostile("zip: invisible name", _named("startup/fed\u200b_client.json")),
    Hostile("zip: a name too long", _named("startup/" + "a" * 300)),
    Hostile("zip: too deep", _named("/".join(["a"] * 40))),
    Hostile("zip: 10,000 members", lambda f: zipped({**f, **many(10_000)})),
    Hostile("zip: a bomb", lambda f: zipped({**f, "local/bomb": (bytes(60 << 20), 0o644)})),
    Hostile("zip: many small bombs", lambda f: zipped({**f, **many(101, bytes(1 << 20))})),
    Hostile("zip: overlapping members", _overlapping),
    Hostile("zip: a lie about a size", _claiming),
    Hostile("zip: nested zip", lambda f: with_member(f, "local/inner.dat", zipped(f))),
    Hostile("zip: nested tar.gz", lambda f: with_member(f, "local/inner.dat", packed(tarred(f)))),
    Hostile("zip: nested tar", lambda f: with_member(f, "local/inner.dat", tarred(f))),
    Hostile("zip: nested 7z", lambda f: with_member(f, "local/inner.dat", b"7z\xbc\xaf\x27\x1c")),
    Hostile("zip: unusual compression", lambda f: zipped(f, zipfile.ZIP_BZIP2)),
    Hostile("zip: AES", lambda f: encrypted(f, "1234", method=99)),
    Hostile("zip: strong encryption", lambda f: encrypted(f, "1234", flags=0x41)),
    Hostile("zip: another PIN", lambda f: encrypted(f, "4321")),
    Hostile("zip: a changed byte", _flipped),
    Hostile("zip: cut off", lambda f: zipped(f)[:-40]),
    Hostile("zip: half", lambda f: (lambda data: data[: len(data) // 2])(zipped(f))),
    Hostile("zip: no member", lambda _: zipped({})),
    Hostile("zip: no kit", lambda _: zipped({"readme.txt": (b"x", 0o644)})),
    Hostile("zip: a kit in a kit", lambda f: zipped({**f, **{f"local/{n}": v for n, v in f.items()}})),
    Hostile("zip: the authority's key", _named("state/cert.json")),
    Hostile("zip: a request", lambda _: zipped({"request.json": (b"{}", 0o644), "site-1.csr": (b"x", 0o644)})),
    Hostile("zip: an approved request", lambda _: zipped({"signed.json": (b"{}", 0o644), "site-1.crt": (b"x", 0o644)})),
    Hostile("tar: up and out", _tar("../evil", b"x")),
    Hostile("tar: absolute", _tar("/tmp/evil", b"x")),
    Hostile("tar: a symbolic link", _tar("startup/evil", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
    Hostile("tar: a link to a folder above", _tar("evil", type=tarfile.SYMTYPE, linkname="..")),
    Hostile("tar: a hard link", _tar("startup/evil", type=tarfile.LNKTYPE, linkname="startup/client.key")),
    Hostile("tar: a hard link out", _tar("startup/evil", type=tarfile.LNKTYPE, linkname="../../etc/passwd")),
    Hostile("tar: a character device", _tar("startup/evil", type=tarfile.CHRTYPE)),
    Hostile("tar: a block device", _tar("startup/evil", type=tarfile.BLKTYPE)),
    Hostile("tar: a pipe", _tar("startup/evil", type=tarfile.FIFOTYPE)),
    Hostile("tar: a sparse file", _tar("startup/evil", type=tarfile.GNUTYPE_SPARSE)),
    Hostile("tar: an unknown kind", _tar("startup/evil", type=b"Z")),
    Hostile("tar: setuid", _tar("startup/evil", b"x", mode=0o4755)),
    Hostile("tar: a name twice", _tar("startup/fed_client.json", b"{}")),
    Hostile("tar: a name twice in another case", _tar("startup/Fed_Client.json", b"{}")),
    Hostile("tar: a line break in a name", _tar("startup/a\nb", b"x")),
    Hostile("tar: bidirectional name", _tar("startup/\u202egnp.exe", b"x")),
    Hostile("tar: not UTF-8", _tar("startup/evil\udcff", b"x")),
    Hostile("tar: nested", lambda f: _tar("local/inner.dat", packed(tarred(f)))(f)),
    Hostile("tar: 10,000 members", lambda f: packed(tarred({**f, **many(10_000)}))),
    Hostile("tar: a bomb", lambda f: packed(tarred({**f, "local/bomb": (bytes(120 << 20), 0o644)}))),
    Hostile("tar: a smaller bomb", lambda f: packed(tarred({**f, "local/bomb": (bytes(30 << 20), 0o644)}))),
    Hostile("tar: a wrong checksum", _bad_checksum),
    Hostile("tar: a pax name out", _pax(b"18 path=../../evil\n")),
    Hostile("tar: a pax size", _pax(b"14 size=999999\n")),
    Hostile("tar: pax numbers without end", _pax(b"1" * 60_000)),
    Hostile("tar: a pax sparse file", _pax(b"22 GNU.sparse.major=1\n")),
    Hostile("tar: an overlong header", _pax(b"9" * 70_000)),
    Hostile("tar: cut off", lambda f: packed(tarred(f)[:5000])),
    Hostile("tar.gz: cut off", lambda f: packed(tarred(f))[:-200]),
    Hostile("tar.gz: a changed byte", lambda f: changed(packed(tarred(f)))),
    Hostile("tar.gz: nothing in it", lambda _: packed(b"")),
    Hostile("tar.gz: no tar", lambda _: packed(b"x" * 10_000)),
)  # fmt: skip
