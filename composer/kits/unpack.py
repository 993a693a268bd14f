"""Writes the kits of an archive to disk: owner only, whole or not at all, the same every time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from composer.kits.archive import kits_in
from composer.kits.facts import load_facts
from composer.model.errors import ComposerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from composer.kits.archive import Member

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@%+-]{0,127}")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Zips lose empty folders, and NVFLARE does not start without these.
_ALWAYS = ("startup", "local", "transfer")


def unpack_kits(archive: Path, into: Path, pin: Callable[[Path], str] | None, taken: set[str]) -> tuple[Path, ...]:
    """Unpack an archive's kits into folders (0700) named after their participants and what is in them.

    A folder that holds the same kit already is left alone, and so is that of a former kit, which may be in use. What
    root unpacks belongs to the archive's owner.

    Args:
        archive: A zip, tar or tar.gz.
        into: Where the folders go; it is made (0700) if it is missing.
        pin: Asked for the PIN if the archive needs one.
        taken: Names that other archives of this call have used; added to.

    Returns:
        The folders, absolute.

    Raises:
        ComposerError: The archive is refused, or ``into`` cannot be written. Nothing is left behind then.
    """
    kits = kits_in(archive, pin)
    try:
        with _staging(into) as staging:
            placed = []
            for number, (at, members) in enumerate(kits.items()):
                staged = staging / str(number)
                _write(staged, members)
                _give(staged, archive.stat())
                name = _name(staged, at.rpartition("/")[2] or archive.name.split(".")[0], taken)
                taken.add(name)
                _place(staged, into.resolve() / name, staging / f"old-{number}")
                placed.append(into.resolve() / name)
            return tuple(placed)
    except OSError as error:
        raise ComposerError(
            f"{archive} cannot be unpacked into {into}: {error.strerror or error}", "check its owner, modes and space"
        ) from None


@contextlib.contextmanager
def _staging(into: Path) -> Iterator[Path]:
    made = [folder for folder in (into, *into.parents) if not folder.exists()]
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=into))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _give(kit: Path, archive: os.stat_result) -> None:
    """Let a kit that root has unpacked belong to whom its archive belongs to: as whom it runs is told by its owner."""
    if os.geteuid() == 0:
        for path in (kit, *kit.rglob("*")):
            os.chown(path, archive.st_uid, archive.st_gid, follow_symlinks=False)


def _write(kit: Path, members: tuple[Member, ...]) -> None:
    kit.mkdir(mode=0o700)
    folders: set[tuple[str, ...]] = {(name,) for name in _ALWAYS}
    for member in members:
        folders.update(member.parts[:end] for end in range(1, len(member.parts) + member.is_folder))
    for folder in sorted(folders):
        kit.joinpath(*folder).mkdir(mode=0o700)
    for member in members:
        if not member.is_folder:
            _write_file(kit.joinpath(*member.parts), member)


def _write_file(path: Path, member: Member) -> None:
    above = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        descriptor = os.open(path.name, _NEW, 0o600, dir_fd=above)
    finally:
        os.close(above)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, _mode(member))
        stream.write(member.data)


def _mode(member: Member) -> int:
    if b"PRIVATE KEY-----" in member.data or member.parts[-1].endswith((".key", ".tenseal")):
        return 0o600
    if member.parts[-1].endswith(".sh"):
        return 0o755
    return 0o600 | ((0o644 if member.mode is None else member.mode) & 0o755)


def _name(staged: Path, otherwise: str, taken: set[str]) -> str:
    facts = load_facts(staged)
    name = next((one for one in (facts.name, otherwise) if _PLAIN.fullmatch(one) and one != staged.name), "kit")
    name = f"{name}-{_digest(staged)}"
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def _digest(kit: Path) -> str:
    """Return what tells a kit from the one that it was before: a renewed one has the same names in it."""
    found = hashlib.sha256()
    for name, (_, mode, content) in _tree(kit).items():
        found.update(f"{name}\0{mode}\0{len(content)}\0".encode() + content)
    return found.hexdigest()[:8]


def _place(staged: Path, target: Path, old: Path) -> None:
    try:
        there = target.lstat()
    except FileNotFoundError:
        staged.rename(target)
        return
    if not stat.S_ISDIR(there.st_mode):
        raise OSError(f"{target} is in the way")
    if _tree(staged) == _tree(target):
        return
    target.rename(old)
    try:
        staged.rename(target)
    except OSError:
        old.rename(target)
        raise


def _tree(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """All that is below a folder: owners and modes, and the content of plain files."""
    found = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        found[str(path.relative_to(folder))] = (status.st_uid, status.st_mode, content)
    return found
