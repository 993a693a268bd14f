"""Encrypts archives for their way, with age (https://age-encryption.org): the extra ``flare-composer[encrypt]``.

What is encrypted comes and goes in pieces: an archive with images does not fit into memory, and on a disk it must not
lie in the clear.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import io
import os
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from composer.model.errors import ComposerError

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

_CHUNK = 1 << 16
# What the program age takes for a passphrase: 2^18 is about a second, and 256 MiB.
_WORK = 18


@dataclass(frozen=True)
class Seal:
    """What an archive is encrypted with.

    Attributes:
        recipients: age's public keys (``age1...``), or SSH's; any of their owners can decrypt it.
        passphrase: Used where there are no recipients.
    """

    recipients: Sequence[str]
    passphrase: str

    def write(self, pieces: Iterator[bytes], out: SupportsWrite[bytes]) -> None:
        """Encrypt all pieces into ``out``, piece by piece.

        Raises:
            ComposerError: One of the recipients is no age key.
            OSError: It cannot be written.
        """
        if not self.recipients:
            _with_passphrase(pieces, out, self.passphrase)
            return
        from pyrage import EncryptError, encrypt_io

        source, target = _Source(pieces), _Target(out)
        try:
            encrypt_io(source, target, [_recipient(recipient) for recipient in self.recipients])
        except EncryptError as error:
            # What has stopped a read or a write comes back as text: disk full, or Ctrl-C.
            raise source.error or target.error or error from None


def require_age(recipients: Sequence[str]) -> None:
    """Make sure that it can be encrypted for ``recipients``.

    Raises:
        ComposerError: pyrage is not installed, or one of them is no age key.
    """
    if importlib.util.find_spec("pyrage") is None:
        raise ComposerError("encrypting needs pyrage, which is not installed", "pip install 'flare-composer[encrypt]'")
    for recipient in recipients:
        _recipient(recipient)


class _Source(io.RawIOBase):
    """Reads what an iterator yields."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")
        self.error: BaseException | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            while not self._left:
                self._left = memoryview(next(self._pieces))
        except StopIteration:
            return 0
        except BaseException as error:
            self.error = error
            raise
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


class _Target(io.RawIOBase):
    """Hands on what is written to it, and keeps the error."""

    def __init__(self, out: SupportsWrite[bytes]) -> None:
        self._out = out
        self.error: BaseException | None = None

    def writable(self) -> bool:
        return True

    def write(self, piece: bytes) -> int:  # type: ignore[override]
        try:
            self._out.write(piece)
            return len(piece)
        except BaseException as error:
            self.error = error
            raise


def _with_passphrase(pieces: Iterator[bytes], out: SupportsWrite[bytes], passphrase: str) -> None:
    """Write age's format for a passphrase (https://age-encryption.org/v1); pyrage does that for what is in memory."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    wrapping = hashlib.scrypt(
        passphrase.encode(),
        salt=b"age-encryption.org/v1/scrypt" + salt,
        n=1 << _WORK,
        r=8,
        p=1,
        maxmem=1 << 29,
        dklen=32,
    )
    wrapped = ChaCha20Poly1305(wrapping).encrypt(bytes(12), file_key, None)
    header = b"age-encryption.org/v1\n-> scrypt %s %d\n%s\n---" % (_base64(salt), _WORK, _base64(wrapped))
    seal = hmac.digest(_derived(file_key, b"", b"header"), header, "sha256")
    out.write(b"%s %s\n%s" % (header, _base64(seal), nonce))
    cipher = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
    for counter, (chunk, last) in enumerate(_chunks(pieces)):
        out.write(cipher.encrypt(counter.to_bytes(11, "big") + bytes([last]), chunk, None))


def _chunks(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield all pieces as chunks of one size, each with whether it is the last, which may be smaller."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) > _CHUNK:
            yield bytes(waiting[:_CHUNK]), False
            del waiting[:_CHUNK]
    yield bytes(waiting), True


def _derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    """Return a key of 32 bytes: HKDF with SHA-256, whose first block is all of it."""
    extracted = hmac.digest(salt or bytes(32), key, "sha256")
    return hmac.digest(extracted, purpose + b"\x01", "sha256")


def _base64(content: bytes) -> bytes:
    return b64encode(content).rstrip(b"=")


def _recipient(text: str) -> object:
    from pyrage import RecipientError, ssh, x25519

    try:
        return ssh.Recipient.from_str(text) if text.startswith("ssh-") else x25519.Recipient.from_str(text)
    except RecipientError as error:
        raise ComposerError(
            f"{text!r} is no public key of age: {error}", "give an age1... key, as age-keygen prints it"
        ) from error
