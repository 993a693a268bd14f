"""A socket here behind which another host's Docker engine answers, and the only other user of sockets.

It does what Docker's own ``ssh://`` does, ``docker system dial-stdio`` for each connection. But all go through the SSH
connection that is there already, which makes a call cost 0.1 s instead of 0.3 s, and one that is cut ends them all.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

from composer.model import Command
from composer.system.process import Process, spawn


class Tunnel:
    """Listens on a socket until it is closed."""

    def __init__(self, path: Path, dial: Command) -> None:
        self.docker_host = f"unix://{path}"
        self._dial = dial
        self._processes: list[Process] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(16)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop listening, and end what is still connected."""
        # A thread that waits in accept() is woken by this, and not by close().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    ended = [process for process in self._processes if process.poll() is not None]
                    self._processes = [process for process in self._processes if process not in ended]
                    self._processes.append(spawn(self._dial, connection.fileno(), connection.fileno(), None))
