"""Opens what age has encrypted with a passphrase."""

from __future__ import annotations

from pyrage import DecryptError, passphrase


def opened(sealed: bytes, phrase: str) -> bytes:
    """Return what was encrypted.

    The library measures for some milliseconds how long it would take, and refuses what seems too long: on a machine
    that is busy just then, it is asked again.
    """
    for _ in range(50):
        try:
            return bytes(passphrase.decrypt(sealed, phrase))
        except DecryptError as error:
            if "Excessive work" not in str(error):
                raise
    raise AssertionError("this machine is too busy to open what a passphrase has closed")
