"""Who listens is what the kernel says, whichever way it is asked."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from composer.system import listening
from composer.system.listening import listening_sockets


@pytest.fixture(params=["asked", "read"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError

    # The other way would hide that one of them says nothing.
    if request.param == "read":
        monkeypatch.setattr(listening, "_asked", fail)
    else:
        monkeypatch.setattr(listening, "_read", fail)


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def opened(stack: ExitStack, port: int = 0, address: str = "127.0.0.1", listens: bool = True) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    one = stack.enter_context(socket.socket(family))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind((address, port))
    if listens:
        one.listen()
    return one


def inodes(*sockets: socket.socket) -> set[int]:
    return {os.fstat(one.fileno()).st_ino for one in sockets}


@pytest.mark.usefixtures("way")
def test_each_socket_that_listens_is_found_and_no_other(sockets: ExitStack) -> None:
    first = opened(sockets)
    port = first.getsockname()[1]
    assert listening_sockets(port) == inodes(first)
    second, both = opened(sockets, port), opened(sockets, port, "::")
    opened(sockets, port, listens=False)
    connected = sockets.enter_context(socket.create_connection(("127.0.0.1", port)))
    assert listening_sockets(port) == inodes(first, second, both)
    assert listening_sockets(connected.getsockname()[1]) == frozenset()


@pytest.mark.usefixtures("way")
def test_as_many_as_there_are(sockets: ExitStack) -> None:
    """More than one answer of the kernel holds."""
    first = opened(sockets)
    port = first.getsockname()[1]
    others = [opened(sockets, port) for _ in range(700)]
    assert listening_sockets(port) == inodes(first, *others)
