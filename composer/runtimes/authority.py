"""Which authority a kit trusts, for the price of a hash. What is wrong with a certificate, ``check`` finds."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from composer.system.foreign_files import read_foreign

# Bytes; a root certificate has two thousand.
_MOST = 1 << 16
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def fingerprint_of(path: Path) -> str:
    """Return the SHA-256 in hex of the first certificate in a PEM file; empty where there is none to be read."""
    try:
        text = read_foreign(path.parent, path.name, _MOST).content.decode("ascii")
        found = _CERTIFICATE.search(text)
        return hashlib.sha256(base64.b64decode(found[1])).hexdigest() if found else ""
    except (OSError, ValueError):
        return ""
