"""Which authority a kit trusts, for the price of a hash. What is wrong with a certificate, ``check`` finds."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def fingerprint_of(path: Path) -> str:
    """Return the SHA-256 in hex of the first certificate in a PEM file; empty where there is none to be read."""
    try:
        found = _CERTIFICATE.search(path.read_text(encoding="ascii"))
        return hashlib.sha256(base64.b64decode(found[1])).hexdigest() if found else ""
    except (OSError, ValueError):
        return ""
