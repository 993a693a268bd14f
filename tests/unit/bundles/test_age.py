"""What is encrypted in pieces is opened by age's own library, at the sizes where a chunk is just full."""

from __future__ import annotations

import io
import os

import pytest
from pyrage import decrypt, x25519

from composer.bundles.age import Seal
from tests.passphrase import opened

CHUNK = 1 << 16


@pytest.mark.parametrize("size", [0, CHUNK, 2 * CHUNK + 1])
def test_with_a_passphrase(size: int) -> None:
    content, out = os.urandom(size), io.BytesIO()
    Seal((), "correct horse").write(iter([content[:7], b"", content[7:]]), out)
    assert opened(out.getvalue(), "correct horse") == content


@pytest.mark.parametrize("size", [0, CHUNK, 2 * CHUNK + 1])
def test_for_a_key(size: int) -> None:
    content, out, identity = os.urandom(size), io.BytesIO(), x25519.Identity.generate()
    Seal([str(identity.to_public())], "").write(iter([content[:7], b"", content[7:]]), out)
    assert decrypt(out.getvalue(), [identity]) == content


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_stops_it_is_told_as_it_was(error: BaseException) -> None:
    class Full:
        def write(self, piece: bytes) -> None:
            raise error

    public = str(x25519.Identity.generate().to_public())
    with pytest.raises(type(error)) as raised:
        Seal([public], "").write(iter([os.urandom(CHUNK)]), Full())
    assert raised.value is error
