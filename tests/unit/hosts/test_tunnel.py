"""A tunnel to another host's engine lives through what goes wrong with one connection."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from composer.hosts.tunnel import Tunnel
from composer.model.command import Command
from tests.conftest import eventually


@contextmanager
def tunnel(path: Path, *dial: str) -> Iterator[Path]:
    opened = Tunnel(path, Command(dial))
    try:
        yield path
    finally:
        opened.close()


def answer(path: Path) -> bytes:
    """What comes back for a word, from an engine that repeats it; empty where the connection just ends."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        try:
            client.sendall(b"word")
            return client.recv(4)
        except (BrokenPipeError, ConnectionResetError):
            return b""


def test_a_dial_that_cannot_be_started_ends_its_connection_alone(tmp_path: Path) -> None:
    with tunnel(tmp_path / "docker.sock", str(tmp_path / "dial")) as path:
        assert answer(path) == b""
        (tmp_path / "dial").symlink_to("/bin/cat")
        assert answer(path) == b"word"


def test_a_machine_without_descriptors_is_waited_for(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    clients = [socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
    with tunnel(tmp_path / "docker.sock", "cat") as path, clients[0], clients[1]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            for client in clients:
                client.settimeout(10)
                client.connect(str(path))
                with suppress(BrokenPipeError):
                    client.sendall(b"word")
                time.sleep(0.3)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        # Who was let in by a descriptor that was there already has no process; who was not is let in now.
        with suppress(ConnectionResetError):
            assert clients[0].recv(4) in (b"", b"word")
        assert clients[1].recv(4) == b"word"
        assert answer(path) == b"word"


def children() -> set[str]:
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        # A thread may end at any moment.
        with suppress(FileNotFoundError, ProcessLookupError):
            found.update((task / "children").read_text().split())
    return found


def test_nothing_is_left_when_it_is_closed_while_somebody_connects(tmp_path: Path) -> None:
    before = children()
    for number in range(20):
        ended = threading.Event()
        path = tmp_path / f"{number}.sock"

        def connect(path: Path = path, ended: threading.Event = ended) -> None:
            while not ended.is_set():
                try:
                    with socket.socket(socket.AF_UNIX) as client:
                        client.connect(str(path))
                except OSError:
                    pass

        with tunnel(path, "sleep", "60"):
            thread = threading.Thread(target=connect)
            thread.start()
            time.sleep(0.02)
        ended.set()
        thread.join()
    eventually(lambda: children() <= before, 10)
