"""Private keys: read to see whether they fit, and nothing of them ever leaves this file."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from composer.kits.certificates import MALFORMED, public_bytes
from composer.kits.folder import UnreadableError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from composer.kits.folder import KitFolder

_AGAIN = "unpack the kit again from what you were sent, or ask for it again"


def public_key_of(folder: KitFolder, name: str) -> bytes:
    """The public half (SubjectPublicKeyInfo) of a private key in a kit.

    Raises:
        UnreadableError: It is missing, needs a passphrase, is damaged, or is none that NVFLARE can sign with.
    """
    data = folder.read(name, "KEY-MATCH")
    try:
        if data.startswith(b"\xef\xbb\xbf"):
            raise ValueError("byte-order mark")
        key = _load(data)
    except TypeError:
        reason, fix = "is protected by a passphrase, which NVFLARE cannot ask for", "store it without one"
        raise UnreadableError(f"{name} {reason}", fix, check="KEY-MATCH", file=name) from None
    except MALFORMED:
        reason = "is not a private key in PEM form (cut off or altered?)"
        raise UnreadableError(f"{name} {reason}", _AGAIN, check="KEY-MATCH", file=name) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        reason = "is not an RSA key, and NVFLARE signs with RSA alone"
        raise UnreadableError(f"{name} {reason}", "provision the kit again", check="KEY-MATCH", file=name)
    if not _holds(key):
        reason = "is damaged: its numbers do not belong together"
        raise UnreadableError(f"{name} {reason}", _AGAIN, check="KEY-MATCH", file=name)
    return public_bytes(key.public_key())


def is_private_key(data: bytes) -> bool:
    """Whether there is a private key in PEM form somewhere in a file."""
    return b"PRIVATE KEY-----" in data


def loaded_public_key(data: bytes) -> bytes:
    """The public half of a private key, or nothing where it cannot be read."""
    try:
        return public_bytes(_load(data).public_key())
    except MALFORMED:
        return b""


def _load(data: bytes) -> PrivateKeyTypes:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The full validation tests primes, 50 ms a key; _holds does what matters here in microseconds.
        return load_pem_private_key(data, None, unsafe_skip_rsa_key_validation=True)


def _holds(key: rsa.RSAPrivateKey) -> bool:
    numbers = key.private_numbers()
    p, q, d = numbers.p, numbers.q, numbers.d
    public = numbers.public_numbers
    return (
        p > 1
        and q > 1
        and p * q == public.n
        and (d * public.e) % (p - 1) == 1
        and (d * public.e) % (q - 1) == 1
        and numbers.dmp1 == d % (p - 1)
        and numbers.dmq1 == d % (q - 1)
        and (numbers.iqmp * q) % p == 1
    )
