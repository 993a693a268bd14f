"""Unpacks kits that arrive as an archive. Whoever made the archive is not trusted with a single byte outside.

All of an archive is read into memory and judged before anything is written; then its kits are written into a
folder of their own and moved into place whole.
"""

from __future__ import annotations

import gzip
import unicodedata
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from composer.kits.tar import members_of_tar
from composer.kits.zip import PinNeededError, PinWrongError, members_of_zip
from composer.model.errors import ComposerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

MOST_MEMBERS = 1000
MOST_BYTES = 100 * 1024 * 1024
_DEEPEST = 16
_RATIO = 200
_BY_HAND = "unpack it yourself where you trust it, and give the folder"
_AGAIN = "ask for it again: a kit's archive holds nothing like that"
_NESTED = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"BZh", b"\xfd7zXZ", b"Rar!", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True)
class Member:
    """A folder or file of an archive whose path is known to be harmless: relative, plain, told apart."""

    parts: tuple[str, ...]
    is_folder: bool
    mode: int | None
    data: bytes


def is_archive(path: Path) -> bool:
    """Whether a file is one of the archives that composer unpacks, by what it starts with.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(512)
    return start.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b")) or start[257:262] == b"ustar"


def kits_in(archive: Path, pin: Callable[[Path], str] | None) -> dict[str, tuple[Member, ...]]:
    """Read and judge an archive.

    Args:
        archive: A zip, tar or tar.gz.
        pin: Asked for the PIN if the archive needs one.

    Returns:
        For each kit in it the name of its folder there (empty: it lies at the top) and its members, their paths
        relative to the kit, in a fixed order.

    Raises:
        ComposerError: It is no archive, is damaged, holds anything but folders and plain files, or no kit.
    """
    try:
        members = _judged(_members(archive, pin))
    except PinNeededError:
        raise ComposerError(
            f"{archive} is protected by a PIN",
            "give it in $COMPOSER_PIN, by --pin-file, or when asked on a terminal",
        ) from None
    except PinWrongError:
        raise ComposerError(
            f"{archive} does not open with this PIN (or it is damaged)",
            "the PIN is the one that was chosen when the kit was downloaded",
        ) from None
    except (ValueError, EOFError, zlib.error) as error:
        raise ComposerError(f"{archive} is refused: {error}", _AGAIN) from None
    except OSError as error:
        raise ComposerError(f"{archive} cannot be read: {error.strerror or error}", _BY_HAND) from None
    return _split(archive, members)


def _members(archive: Path, pin: Callable[[Path], str] | None) -> Iterable[tuple[str, bool, int | None, bytes]]:
    size = archive.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES >> 20} MiB")
    data = archive.read_bytes()
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        asked = None if pin is None else (lambda: pin(archive))
        return members_of_zip(data, asked, MOST_MEMBERS, MOST_BYTES)
    if data.startswith(b"\x1f\x8b"):
        with gzip.open(archive, "rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"it unpacks to more than {MOST_BYTES >> 20} MiB")
        if len(data) > 1024 * 1024 and len(data) > size * _RATIO:
            raise ValueError("it unpacks to far more than a kit would")
    return ((one.name, one.is_folder, one.mode, one.data) for one in members_of_tar(data, MOST_MEMBERS))


def _judged(members: Iterable[tuple[str, bool, int | None, bytes]]) -> tuple[Member, ...]:
    seen: dict[str, bool] = {}
    kept = []
    for name, is_folder, mode, data in members:
        parts = _parts(name)
        if not parts and is_folder:
            continue
        member = Member(parts, is_folder, mode, data)
        _judge(name, member)
        folded = "/".join(_folded(part) for part in parts)
        if folded in seen:
            raise ValueError(f"{name!r} is in it twice (or differs in upper and lower case alone)")
        seen[folded] = is_folder
        # What macOS and Windows add to an archive by themselves is none of the kit's.
        if "__MACOSX" not in parts and parts[-1] != ".DS_Store" and not parts[-1].startswith("._"):
            kept.append(member)
    for folded in seen:
        above = folded.rpartition("/")[0]
        while above:
            if seen.get(above) is False:
                raise ValueError(f"{above!r} is both a file and a folder in it")
            above = above.rpartition("/")[0]
    return tuple(kept)


def _parts(name: str) -> tuple[str, ...]:
    if not name or name.startswith("/") or "\\" in name:
        raise ValueError(f"{name!r} is not a relative path")
    # Python's isprintable is False for control, bidirectional and other invisible characters, and surrogates.
    if not name.isprintable() or ":" in name:
        raise ValueError(f"{name!r} is not a plain name")
    parts = name.removeprefix("./").removesuffix("/").split("/")
    if parts in ([""], ["."]):
        return ()
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{name!r} is not a plain relative path")
    if len(parts) > _DEEPEST or any(len(part.encode()) > 255 for part in parts):
        raise ValueError(f"{name[:80]!r} is too long or too deep")
    return tuple(parts)


def _folded(part: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", part).casefold())


def _judge(name: str, member: Member) -> None:
    if not member.parts:
        raise ValueError(f"{name!r} is not a plain relative path")
    if member.mode is not None and member.mode & 0o6000:
        raise ValueError(f"{name!r} would run as its owner (setuid)")
    if member.data.startswith(_NESTED) or member.data[257:262] == b"ustar":
        raise ValueError(f"{name!r} is an archive in the archive")


def _split(archive: Path, members: tuple[Member, ...]) -> dict[str, tuple[Member, ...]]:
    roots = {member.parts[: member.parts.index("startup")] for member in members if _in_startup(member)}
    if not roots:
        raise _no_kit(archive, {member.parts[-1] for member in members})
    for root in roots:
        if any(root != other and other[: len(root)] == root for other in roots):
            raise ComposerError(f"{archive} is refused: a kit lies inside another", _AGAIN)
    for member in members:
        if member.parts[-2:] == ("state", "cert.json") or member.parts[-1] == "rootCA.key":
            raise ComposerError(
                f"{archive} is refused: it holds {'/'.join(member.parts)}, the private key of the whole project",
                "give the kits alone, and keep that file where the project was provisioned",
            )
    split: dict[str, tuple[Member, ...]] = {}
    for root in sorted(roots):
        inside = [member for member in members if member.parts[: len(root)] == root and member.parts != root]
        split["/".join(root)] = tuple(
            Member(member.parts[len(root) :], member.is_folder, member.mode, member.data)
            for member in sorted(inside, key=lambda member: member.parts)
        )
    return split


def _in_startup(member: Member) -> bool:
    if "startup" not in member.parts:
        return False
    return member.is_folder or member.parts.index("startup") < len(member.parts) - 1


def _no_kit(archive: Path, names: set[str]) -> ComposerError:
    if "signed.json" in names:
        return ComposerError(
            f"{archive} is what `nvflare cert approve` returns, not a kit: there is no private key in it",
            f"make the kit from it on the machine that asked for it: `nvflare package {archive.name}`",
        )
    if "request.json" in names:
        return ComposerError(
            f"{archive} is a request for a certificate, not a kit",
            "have it approved (`nvflare cert approve`), then make the kit with `nvflare package`",
        )
    return ComposerError(
        f"{archive} holds no startup kit: there is no startup/ in it", "give the archive that you were sent as your kit"
    )
