"""SIG: ``signature.json``, by the rules of the release that signed.

Until 2.5 the ``startup`` folders of servers and clients are signed, in 2.6 those of all, in 2.7 ``startup`` and
``local`` of all. Since 2.8 only kits with a context for homomorphic encryption are (``startup`` and ``local``), and
confidential-computing kits from their top. What is signed must hold whatever the rule
(nvflare/lighter/impl/signature.py and lighter/utils.py of each release).
"""

from __future__ import annotations

import base64
import binascii
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

    from composer.kits.folder import KitFolder

_FILE = "signature.json"
_ALGORITHM = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH)
# A site may add these to its own local folder in every release; NVFLARE prefers them over the defaults.
_SITES_OWN = ("resources.json", "log_config.json", "log.config", "authorization.json", "privacy.json")
_AGAIN = "ask for the kit again; NVFLARE refuses to start a signed kit that was changed"


def _signature(subject: Subject, options: CheckOptions) -> Iterator[Problem]:
    del options
    facts = subject.facts
    if not facts.root or ROOT in subject.spoiled:
        return
    folders = [where for where in ("", "startup", "local") if not where or facts.folder.has_folder(where)]
    signed = [where for where in folders if _file(where) in facts.folder.entries]
    unsigned = [where for where in folders if where not in signed and _must_be_signed(subject, where)]
    if unsigned:
        yield Problem(f"the signature of {' and '.join(unsigned)} is missing ({_FILE})", _AGAIN)
    bad, missing, extra = [], [], []
    for where in signed:
        try:
            entries = facts.folder.document(_file(where))
        except UnreadableError as trouble:
            yield Problem(trouble.reason, _AGAIN, (trouble.file,))
            continue
        bad += _not_holding(subject, facts.root[0], where, entries)
        missing += _missing(subject, where, entries)
        extra += _unsigned(subject, where, entries)
    if bad:
        yield Problem(f"changed since it was signed: {_listed(bad)}", _AGAIN, tuple(bad))
    elif missing:
        yield Problem(f"signed but no longer there: {_listed(missing)}", _AGAIN, tuple(missing))
    elif extra:
        yield Problem(f"added since the kit was signed: {_listed(extra)}", f"remove it, or {_AGAIN}", tuple(extra))


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
        if where == "startup" or name not in _SITES_OWN:
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


def _holds(root: x509.Certificate, data: bytes, value: object) -> bool:
    key = _key(root)
    if key is None or not isinstance(value, str):
        return False
    try:
        key.verify(base64.b64decode(value, validate=True), data, _ALGORITHM, hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


@lru_cache(maxsize=64)
def _key(root: x509.Certificate) -> rsa.RSAPublicKey | None:
    key = root.public_key()
    return key if isinstance(key, rsa.RSAPublicKey) else None


def _listed(paths: list[str]) -> str:
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


SIGNATURE = Check("SIG", "what is signed is unchanged, by the rules of its release", of_kit=_signature)
