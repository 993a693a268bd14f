"""Federations of other releases of NVFLARE than the one that is installed."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from tests.conftest import free_port


@pytest.fixture(scope="session")
def ports() -> list[int]:
    """Return six ports that nobody listens on."""
    first = free_port()
    with ExitStack() as stack:
        found: list[int] = []
        for port in range(first, first + 100):
            probe = stack.enter_context(socket.socket())
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            found.append(port)
        return found[:6]
