"""SIG: ``signature.json``, by the rules of the release that signed.

Until 2.5 the ``startup`` folders of servers and clients are signed, in 2.6 those of all, in 2.7 ``startup`` and
``local`` of all. Since 2.8 only kits with a context for homomorphic encryption are (``startup`` and ``local``), and
confidential-computing kits from their top (nvflare/lighter/impl/signature.py and lighter/utils.py of each release).

At a start, NVFLARE verifies ``startup`` and never ``local`` (nvflare/private/fed/utils/fed_utils.py). 2.7's provisioner
itself writes ``local/comm_config.json`` after it has signed, and a site's settings belong there. So what was added or
taken away in ``local`` is no finding, and what was changed there is a warning.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from composer.kits.checks.subject import Check, CheckOptions, Problem, Subject
from composer.kits.facts import ROOT
from composer.kits.folder import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509

    from composer.kits.facts import Facts
    from composer.kits.folder import KitFolder

_FILE = "signature.json"
_ALGORITHM = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH)
_FOLDERS = ("", "startup", "local")
_LOCAL = "local"
_SHORTEST = 128
_AGAIN = "ask for the kit again; NVFLARE refuses to start a signed kit that was changed"
_OWN = "fine if this site did it, since NVFLARE does not verify local/; else ask for the kit again"


def signed_folders(facts: Facts) -> tuple[str, ...]:
    """Return the folders of a kit that have a signature, as the user knows them."""
    return tuple(f"{where or '.'}/" for where in _FOLDERS if _file(where) in facts.folder.entries)


def _signature(subject: Subject, options: CheckOptions) -> Iterator[Problem]:
    del options
    facts = subject.facts
    if not facts.root or ROOT in subject.spoiled:
        return
    for where in _FOLDERS:
        if where and not facts.folder.has_folder(where):
            continue
        if _file(where) in facts.folder.entries:
            problem = _broken(subject, facts.root[0], where)
        elif _must_be_signed(subject, where):
            problem = Problem(f"the signature of {where} is missing ({_FILE})", _AGAIN)
        else:
            continue
        if problem and where == _LOCAL:
            problem = replace(problem, fix=_OWN, severity="warning")
        if problem:
            yield problem


def _broken(subject: Subject, root: x509.Certificate, where: str) -> Problem | None:
    """What does not hold of a signed folder; causes come before consequences."""
    try:
        entries = subject.facts.folder.document(_file(where))
    except UnreadableError as trouble:
        return Problem(trouble.reason, _AGAIN, (trouble.file,))
    if odd := [name for name, value in entries.items() if not _is_signature(value)]:
        said = f"{_file(where)} is not as NVFLARE writes it: {_listed(odd)} has no signature in base64"
        return Problem(said, _AGAIN, (_file(where),))
    if bad := _not_holding(subject, root, where, entries):
        return Problem(f"changed since it was signed: {_listed(bad)}", _AGAIN, tuple(bad))
    if where == _LOCAL:
        return None
    if missing := _missing(subject, where, entries):
        return Problem(f"signed but no longer there: {_listed(missing)}", _AGAIN, tuple(missing))
    if extra := _unsigned(subject, where, entries):
        return Problem(f"added since the kit was signed: {_listed(extra)}", f"remove it, or {_AGAIN}", tuple(extra))
    return None


def _file(where: str) -> str:
    return f"{where}/{_FILE}".lstrip("/")


def _must_be_signed(subject: Subject, where: str) -> bool:
    facts = subject.facts
    if not where or not facts.releases or facts.type is None:
        return False
    release = facts.releases[0]
    if release in ("2.4", "2.5"):
        return where == "startup" and facts.type in ("server", "client")
    if release == "2.6":
        return where == "startup"
    if release == "2.7":
        return True
    return any(name.endswith("_context.tenseal") for name in facts.folder.entries)


def _not_holding(subject: Subject, root: x509.Certificate, where: str, entries: dict[str, object]) -> list[str]:
    folder = subject.facts.folder
    found = []
    for name, value in entries.items():
        path = f"{where}/{name}".lstrip("/")
        if path in subject.spoiled:
            continue
        data = _data(folder, path, name)
        if data is not None and not _holds(root, data, value):
            found.append(path)
    return found


def _missing(subject: Subject, where: str, entries: dict[str, object]) -> list[str]:
    paths = (f"{where}/{name}".lstrip("/") for name in entries)
    return [path for path in paths if path not in subject.facts.folder.entries and path not in subject.spoiled]


def _unsigned(subject: Subject, where: str, entries: dict[str, object]) -> list[str]:
    # At the top lies what NVFLARE writes while it runs, signed or not.
    found: list[str] = []
    if not where:
        return found
    for path, entry in subject.facts.folder.entries.items():
        above, _, name = path.rpartition("/")
        if above != where or entry.kind != "file" or name in entries or name == _FILE or path in subject.spoiled:
            continue
        found.append(path)
    return found


def _data(folder: KitFolder, path: str, name: str) -> bytes | None:
    """What is signed: a file's content, a folder's name; nothing to verify where neither is there."""
    if folder.has_folder(path):
        return name.encode()
    try:
        return folder.read(path)
    except UnreadableError:
        return None


def _is_signature(value: object) -> bool:
    """Whether it is the base64 of as many bytes as an RSA key of 1,024 bits or more signs with."""
    try:
        return isinstance(value, str) and len(base64.b64decode(value, validate=True)) >= _SHORTEST
    except (binascii.Error, ValueError):
        return False


def _holds(root: x509.Certificate, data: bytes, value: object) -> bool:
    key = _key(root)
    if key is None:
        return False
    try:
        key.verify(base64.b64decode(str(value)), data, _ALGORITHM, hashes.SHA256())
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=64)
def _key(root: x509.Certificate) -> rsa.RSAPublicKey | None:
    key = root.public_key()
    return key if isinstance(key, rsa.RSAPublicKey) else None


def _listed(paths: list[str]) -> str:
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


SIGNATURE = Check("SIG", "what is signed is unchanged, by the rules of its release", of_kit=_signature)
