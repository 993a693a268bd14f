"""Encrypts archives for their way, with age (https://age-encryption.org): the extra ``flare-composer[encrypt]``."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from composer.errors import ComposerError


def require_age(recipients: Sequence[str]) -> None:
    """Make sure that it can be encrypted for ``recipients``.

    Raises:
        ComposerError: pyrage is not installed, or one of them is no age key.
    """
    if importlib.util.find_spec("pyrage") is None:
        raise ComposerError("encrypting needs pyrage, which is not installed", "pip install 'flare-composer[encrypt]'")
    for recipient in recipients:
        _recipient(recipient)


def encrypt(path: Path, recipients: Sequence[str], passphrase: str) -> Path:
    """Encrypt a file to ``PATH.age``, delete it, and return the new path.

    Args:
        path: The file.
        recipients: age's public keys (``age1...``), or SSH's; any of their owners can decrypt it.
        passphrase: Used where there are no recipients.

    Raises:
        ComposerError: One of them is no age key, or the file cannot be written.
    """
    from pyrage import encrypt as to_recipients
    from pyrage import passphrase as by_passphrase

    target = path.with_name(path.name + ".age")
    part = path.with_name(f".{target.name}.part")
    content = path.read_bytes()
    sealed = (
        to_recipients(content, [_recipient(recipient) for recipient in recipients])
        if recipients
        else by_passphrase.encrypt(content, passphrase)
    )
    try:
        part.write_bytes(sealed)
        part.replace(target)
        path.unlink()
    except OSError as error:
        raise ComposerError(f"cannot write {target}: {error.strerror}", "make room, or name another folder") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _recipient(text: str) -> object:
    from pyrage import RecipientError, ssh, x25519

    try:
        return ssh.Recipient.from_str(text) if text.startswith("ssh-") else x25519.Recipient.from_str(text)
    except RecipientError as error:
        raise ComposerError(
            f"{text!r} is no public key of age: {error}", "give an age1... key, as age-keygen prints it"
        ) from error
