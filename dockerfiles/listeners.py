"""Prints who listens on a port in this container's network, where that is more than one process. Uses Python alone.

listeners.py PORT...

A line is PORT NUMBER NAME, a process of this container, or PORT outside: one that this container does not have.
"""

import os
import sys

_MOST = 8


def note_held(held):
    for process in filter(str.isdigit, os.listdir("/proc")):
        folder = f"/proc/{process}/fd"
        try:
            numbers = os.listdir(folder)
        except OSError:
            continue
        for number in numbers:
            try:
                held.setdefault(process, set()).add(os.readlink(f"{folder}/{number}"))
            except OSError:
                continue


def listening():
    found = {}
    for table in ("tcp", "tcp6"):
        try:
            with open(f"/proc/net/{table}") as rows:
                next(rows)
                for row in map(str.split, rows):
                    if row[3] == "0A":
                        found.setdefault(int(row[1].rpartition(":")[2], 16), set()).add(f"socket:[{row[9]}]")
        except FileNotFoundError:
            continue
    return found


def name_of(process):
    try:
        with open(f"/proc/{process}/comm", "rb") as comm:
            return ascii(comm.read().decode("utf-8", "replace").rstrip("\n"))[1:-1]
    except OSError:
        return "?"


# Looked at before and after: a socket that is closed or opened meanwhile is nobody else's.
held = {}
note_held(held)
sockets = listening()
note_held(held)
for port in map(int, sys.argv[1:]):
    wanted = sockets.get(port, set())
    holders = {process: wanted & its for process, its in held.items() if wanted & its}
    # One process may listen several times: on IPv4 and IPv6, and gRPC once a core; and a child may have inherited all.
    if not holders or wanted in holders.values():
        continue
    for process in list(holders)[:_MOST]:
        print(port, process, name_of(process))
    if wanted - set().union(*holders.values()):
        print(port, "outside")
