"""An NVFLARE driver for connections between a participant and its own jobs: a socket in the workspace.

By itself NVFLARE opens a TCP port for them (scheme tcp), and up to 2.8 on all interfaces. Whoever reaches that port
commands the participant, since it asks nobody who they are. A socket file in a folder that only its owner may enter can
be reached by the participant's own processes alone: no other user, no other container and no other host has a way to it.

NVFLARE 2.4 to 2.9 find it by NVFLARE_COMM_DRIVER_PATH and use it by NVFLARE_INTERNAL_CONN_SCHEME=unix, in the
participant itself, in its jobs, and in what these start (nvflare/fuel/f3/communicator.py, cellnet/connector_manager.py).
"""

import os
import socket
import threading
import uuid
from contextlib import contextmanager
from urllib.parse import quote, unquote

from nvflare.fuel.f3.drivers.base_driver import BaseDriver
from nvflare.fuel.f3.drivers.driver_params import DriverCap, DriverParams
from nvflare.fuel.f3.drivers.socket_conn import SocketConnection

_FOLDER = ".internal"


class UnixSocketDriver(BaseDriver):
    """Listens at, or connects to, ``unix://0/PATH``."""

    def __init__(self):
        super().__init__()
        self._listener = None

    @staticmethod
    def supported_transports():
        return ["unix"]

    @staticmethod
    def capabilities():
        return {DriverCap.SEND_HEARTBEAT.value: True, DriverCap.SUPPORT_SSL.value: False}

    @staticmethod
    def get_urls(scheme, resources):
        """Return where to connect and where to listen: the same new place."""
        path = os.path.join(os.environ["FLARE_WORKSPACE"], _FOLDER, uuid.uuid4().hex)
        # NVFLARE writes 0 for no host.
        url = "%s://0%s" % (scheme, quote(path))
        return url, url

    def listen(self, connector):
        self.connector = connector
        path = _path_of(connector)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as self._listener:
            with _short(path) as address:
                self._listener.bind(address)
            self._listener.listen(64)
            try:
                while True:
                    accepted, _ = self._listener.accept()
                    threading.Thread(target=self._talk, args=(accepted,), daemon=True).start()
            except OSError:
                # shutdown() ends it so.
                pass

    def connect(self, connector):
        self.connector = connector
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _short(_path_of(connector)) as address:
            connection.connect(address)
        self._talk(connection)

    def shutdown(self):
        self.close_all()
        if self._listener is not None:
            try:
                self._listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._listener.close()

    def _talk(self, connected):
        connection = SocketConnection(connected, self.connector, False)
        self.add_connection(connection)
        connection.read_loop()
        self.close_connection(connection)


def _path_of(connector):
    return unquote(connector.params[DriverParams.PATH.value])


@contextmanager
def _short(path):
    """Lend a name for a path that is longer than an address of a socket may be (108 bytes, unix(7))."""
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield "/proc/self/fd/%d/%s" % (folder, os.path.basename(path))
    finally:
        os.close(folder)
