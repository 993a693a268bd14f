"""Which authority a kit trusts, for the price of a hash. What is wrong with a certificate, ``check`` finds."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from composer.system.foreign_files import read_foreign

# Bytes; a root certificate has two thousand.
MOST_OF_CERTIFICATE = 1 << 16
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def fingerprint_of(path: Path) -> str:
    """Return the SHA-256 in hex of the first certificate in a PEM file; empty where there is none to be read."""
    try:
        return fingerprint_in(read_foreign(path.parent, path.name, MOST_OF_CERTIFICATE).content)
    except OSError:
        return ""


def fingerprint_in(content: bytes) -> str:
    """Return the SHA-256 in hex of the first certificate in the content of a PEM file; empty where there is none."""
    try:
        found = _CERTIFICATE.search(content.decode("ascii"))
        return hashlib.sha256(base64.b64decode(found[1])).hexdigest() if found else ""
    except ValueError:
        return ""
