"""The TCP sockets that listen on a port of this machine, by their inodes.

The kernel is asked for those that listen alone (sock_diag(7)). Where it does not answer so, its tables of connections
are read (proc_net_tcp(5)): for each it goes through all the memory that it has for them, which takes 10 ms.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

_SOCK_DIAG, _BY_FAMILY, _DUMP, _DONE, _ERROR = 4, 20, 0x301, 3, 2
_LISTEN = 10
# nlmsghdr, and inet_diag_req_v2 without an address.
_REQUEST = struct.Struct("=IHHII BBBxI 48x")
_HEADER = struct.Struct("=IHHII")
# Of inet_diag_msg: the port, and behind both addresses and four numbers the inode.
_PORT, _INODE = struct.Struct("!4xH"), struct.Struct("=68xI")
_SECONDS = 2.0


def listening_sockets(port: int) -> frozenset[int]:
    """Return the inodes of the sockets that listen on ``port``, on any address."""
    try:
        return frozenset(inode for family in (socket.AF_INET, socket.AF_INET6) for inode in _asked(family, port))
    except (OSError, struct.error, AttributeError):
        return frozenset(inode for table in ("tcp", "tcp6") for inode in _read(Path("/proc/net", table), port))


def _asked(family: int, port: int) -> Iterator[int]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.settimeout(_SECONDS)
        kernel.send(_REQUEST.pack(_REQUEST.size, _BY_FAMILY, _DUMP, 0, 0, family, socket.IPPROTO_TCP, 0, 1 << _LISTEN))
        while True:
            answer = memoryview(kernel.recv(2**16))
            while answer:
                length, kind, *_ = _HEADER.unpack_from(answer)
                message = answer[_HEADER.size : length]
                if kind == _DONE:
                    return
                if kind == _ERROR or length < _HEADER.size:
                    raise OSError("the kernel does not tell which sockets listen")
                if _PORT.unpack_from(message)[0] == port:
                    yield _INODE.unpack_from(message)[0]
                # Each begins at a multiple of four.
                answer = answer[(length + 3) & ~3 :]


def _read(table: Path, port: int) -> Iterator[int]:
    """Columns 1, 3 and 9 of a table: the address, the state, the inode."""
    try:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return
    for row in rows:
        if int(row[3], 16) == _LISTEN and int(row[1].rpartition(":")[2], 16) == port:
            yield int(row[9])
