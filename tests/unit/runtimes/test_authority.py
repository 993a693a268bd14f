"""Whom a kit trusts, found without parsing: the same fingerprint as that of the parsed certificate."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from composer.runtimes.authority import fingerprint_of
from tests.kitmaker import Project, provision


def test_it_is_that_of_the_certificate(tmp_path: Path) -> None:
    made = provision(tmp_path, Project("2.9", clients=("site-1",), begins=datetime.now(timezone.utc) - timedelta(1)))
    root = made.prod / "site-1" / "startup" / "rootCA.pem"
    wanted = x509.load_pem_x509_certificate(root.read_bytes()).fingerprint(hashes.SHA256()).hex()
    assert fingerprint_of(root) == wanted
    root.write_text("Bag Attributes\n" + root.read_text() + "-----BEGIN CERTIFICATE-----\n")
    assert fingerprint_of(root) == wanted


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n"])
def test_what_cannot_be_read_is_nobody(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rootCA.pem").write_bytes(content)
    assert fingerprint_of(tmp_path / "rootCA.pem") == ""
    assert fingerprint_of(tmp_path / "missing.pem") == ""
