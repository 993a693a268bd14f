"""A socket here behind which another host's Docker engine answers, and the only other user of sockets.

It does what Docker's own ``ssh://`` does, ``docker system dial-stdio`` for each connection. But all go through the SSH
connection that is there already, which makes a call cost 0.1 s instead of 0.3 s, and one that is cut ends them all.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.system.process import Process, spawn


class Tunnel:
    """Listens on a socket until it is closed."""

    def __init__(self, path: Path, dial: Command) -> None:
        self.docker_host = f"unix://{path}"
        self._dial = dial
        self._processes: list[Process] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(16)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop listening, and end what is still connected."""
        with self._lock:
            self._closed.set()
            processes, self._processes = self._processes, []
        # A thread that waits in accept() is woken by this, and not by close().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                # It was closed, or this machine is short of something: then who waits to be let in waits on.
                self._closed.wait(0.1)
                continue
            # What cannot be started ends this connection, which is told so, and no other.
            with connection, contextlib.suppress(ComposerError, OSError), self._lock:
                if self._closed.is_set():
                    return
                self._processes = [process for process in self._processes if process.poll() is None]
                self._processes.append(spawn(self._dial, connection.fileno(), connection.fileno(), None))
