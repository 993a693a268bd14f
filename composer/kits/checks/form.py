"""KIT-ROLE, MODE and FOREIGN: what lies in the folder, with which modes, and what has no business there."""

from __future__ import annotations

import os
import pwd
import stat
from typing import TYPE_CHECKING

from composer.kits.certificates import certified_key
from composer.kits.checks.subject import Check, CheckOptions, Problem, Subject
from composer.kits.folder import LIMIT, UnreadableError
from composer.kits.keys import is_private_key, loaded_public_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from composer.kits.folder import Entry

_TEXTS = (".json", ".sh", ".crt", ".pem", ".key", ".default", ".sample")
_LARGEST_KEY = 64 * 1024


def _role(subject: Subject, options: CheckOptions) -> Iterator[Problem]:
    del options
    folder = subject.facts.folder
    said = set()
    for entry in folder.entries.values():
        if entry.kind in ("link", "other"):
            said.add(entry.path)
            what = "a symbolic link" if entry.kind == "link" else "a device, socket or pipe"
            yield Problem(f"{entry.path} is {what}", "replace it by the file itself", (entry.path,))
        elif entry.kind == "file" and entry.size > LIMIT and entry.path.startswith(("startup/", "local/")):
            said.add(entry.path)
            fix = "keep data elsewhere: participants.NAME.data"
            yield Problem(f"{entry.path} is larger than anything in a kit", fix, (entry.path,))
    for trouble in subject.facts.troubles:
        if trouble.check == "KIT-ROLE" and trouble.file not in said:
            said.add(trouble.file)
            files = (trouble.file, *trouble.also) if trouble.file else _role_files()
            yield Problem(trouble.reason, trouble.fix, files)
    if folder.has_folder("startup") and "local" not in folder.entries:
        yield Problem("the folder local/ is missing", "unpack the kit again: some tools leave out folders", ("local",))
    if not folder.complete:
        yield Problem("it holds far more files than a kit does", "give the kit as it was provisioned")
    yield from _line_ends(subject, said)


def _role_files() -> tuple[str, ...]:
    return tuple(f"startup/fed_{kind}.json" for kind in ("server", "client", "admin", "relay"))


def _line_ends(subject: Subject, said: set[str]) -> Iterator[Problem]:
    folder = subject.facts.folder
    signed = any(folder.has(f"{where}/signature.json") for where in ("startup", "local"))
    for name, data in folder.contents.items():
        # A site's own policies in local/ are its own matter.
        provisioned = name.startswith("startup/") or name.endswith((".default", ".sample"))
        if b"\r\n" in data and provisioned and name.endswith(_TEXTS) and name not in said:
            fix = "unpack the kit again without converting line ends"
            fatal = signed or name.endswith(".sh")
            yield Problem(f"{name} has Windows line ends", fix, (name,), "error" if fatal else "warning")


def _modes(subject: Subject, options: CheckOptions) -> Iterator[Problem]:
    del options
    facts = subject.facts
    keys = {key for _, key in subject.pairs}
    for trouble in (*facts.troubles, *_closed(subject, keys)):
        if trouble.check == "MODE":
            yield Problem(trouble.reason, trouble.fix, (trouble.file,))
    for path in sorted(keys):
        entry = facts.folder.entries.get(path)
        if entry is not None and entry.kind == "file":
            yield from _of_key(entry, facts.releases)
    for entry in (facts.folder.root, *facts.folder.entries.values()):
        if entry.kind in ("file", "folder") and entry.path not in keys:
            yield from _writable(entry, subject.shown)
    above = _open_above(facts.folder.path.parent)
    if above is not None:
        yield Problem(f"anyone may replace what lies in {above}", f"chmod o-w {above}, or move the kit elsewhere")


def _owner(subject: Subject, options: CheckOptions) -> Iterator[Problem]:
    del options
    uid = subject.facts.owner.uid
    if uid in (0, os.geteuid()):
        return
    try:
        pwd.getpwuid(uid)
    except KeyError:
        message = f"it belongs to user {uid}, who has no account on this machine"
        # Whoever is given that number one day has the key, and the workspace that root makes for it.
        yield Problem(message, "chown -R it to an account of this machine, as whom it then runs", severity="warning")


def _closed(subject: Subject, keys: set[str]) -> Iterator[UnreadableError]:
    for path in sorted(keys):
        try:
            subject.facts.folder.read(path)
        except UnreadableError as trouble:
            yield trouble


def _of_key(entry: Entry, releases: tuple[str, ...]) -> Iterator[Problem]:
    fix = f"chmod 600 {entry.path} in the kit"
    if entry.mode & 0o022:
        yield Problem(f"others may write {entry.path} (mode {entry.mode:04o})", fix)
    elif entry.mode & 0o044 and not (entry.mode == 0o644 and _made_so(releases)):
        all_may = bool(entry.mode & stat.S_IROTH)
        message = f"{'everybody' if all_may else 'its group'} may read {entry.path} (mode {entry.mode:04o})"
        yield Problem(message, fix, severity="error" if all_may else "warning")


def _made_so(releases: tuple[str, ...]) -> bool:
    # Until 2.7 NVFLARE itself leaves keys readable to all (0644).
    return all(release in ("2.4", "2.5", "2.6", "2.7") for release in releases)


def _writable(entry: Entry, shown: Path) -> Iterator[Problem]:
    path = entry.path or str(shown)
    if entry.mode & stat.S_IWOTH:
        yield Problem(f"everybody may write {path} (mode {entry.mode:04o})", f"chmod go-w {path}")
    elif entry.mode & stat.S_IWGRP:
        yield Problem(f"its group may write {path} (mode {entry.mode:04o})", f"chmod go-w {path}", severity="warning")


def _open_above(folder: Path) -> Path | None:
    for above in (folder, *folder.parents):
        try:
            mode = above.stat().st_mode
        except OSError:
            continue
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return above
    return None


def _foreign(subject: Subject, options: CheckOptions) -> Iterator[Problem]:
    del options
    folder = subject.facts.folder
    if subject.facts.type is None:
        own = {f"startup/{stem}.key" for stem in ("client", "server")}
    else:
        own = {key for _, key in subject.pairs}
    roots = {certified_key(root) for root in subject.facts.root}
    for entry in folder.entries.values():
        if entry.kind != "file" or entry.path in own or entry.size > _LARGEST_KEY:
            continue
        try:
            data = folder.read(entry.path)
        except UnreadableError:
            continue
        if is_private_key(data):
            yield _stranger(entry.path, roots, data)


def _stranger(path: str, roots: set[bytes], data: bytes) -> Problem:
    if path.endswith("cert.json") or (roots and loaded_public_key(data) in roots):
        return Problem(
            f"{path} holds the private key of the whole project's authority",
            "remove it, and keep it only where the project was provisioned; whoever had the kit can make kits",
            (path,),
        )
    return Problem(
        f"{path} holds a private key that is not this participant's", "remove it, and ask whose it is", (path,)
    )


FORM = Check("KIT-ROLE", "one role, all its files, and no links", of_kit=_role)
MODE = Check("MODE", "only its owner can read the key and write the kit", of_kit=_modes)
FOREIGN = Check("FOREIGN", "no private key but the participant's own", of_kit=_foreign)
OWNER = Check("OWNER", "its owner has an account on this machine", of_kit=_owner)
