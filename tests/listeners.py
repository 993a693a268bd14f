"""What the processes of a participant listen on."""

from __future__ import annotations

import json

from tests.conftest import docker

# Runs in the participant's own container, or as its user: whose sockets they are, only the owner may see.
PROGRAM = """
import glob, json, os
sockets = set()
for link in glob.glob("/proc/[0-9]*/fd/*"):
    try:
        sockets.add(os.readlink(link))
    except OSError:
        pass
ports = set()
for table in ("tcp", "tcp6"):
    for row in [line.split() for line in open("/proc/net/" + table).readlines()[1:]]:
        if row[3] == "0A" and "socket:[%s]" % row[9] in sockets:
            ports.add(int(row[1].rpartition(":")[2], 16))
print(json.dumps(sorted(ports)))
"""


def ports_of(container: str) -> list[int]:
    """Return the TCP ports that the processes in a container listen on, whatever else the host's network has."""
    return list(json.loads(docker("exec", container, "python3", "-c", PROGRAM)))
