"""Finds the processes of a participant by the workspace in their environment. Only this user's can be found.

    processes.py alive WORKSPACE PID          status 0 if PID is one of them
    processes.py end WORKSPACE [SUPERVISOR]   ends all of them but the supervisor: asks, then kills
    processes.py begin FD WORKSPACE...        locks FD, prints the workspaces whose supervisors live, and ends what is
                                              left over of the others'

It is one program, and begin one call, since to start Python is most of what any of it costs.
"""

import fcntl
import os
import signal
import sys
import time

_PATIENCE = 2.0


def belongs(pid, workspace):
    try:
        with open("/proc/%s/environ" % pid, "rb") as environment:
            return b"FLARE_WORKSPACE=" + os.fsencode(workspace) in environment.read().split(b"\0")
    except OSError:
        return False


def members(workspace, spared):
    everybody = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return [pid for pid in everybody if pid not in spared and belongs(pid, workspace)]


def end(workspace, spared):
    deadline = time.monotonic() + _PATIENCE
    sent = set()
    while True:
        left = members(workspace, spared)
        if not left:
            return
        late = time.monotonic() > deadline
        for pid in left:
            if late or pid not in sent:
                sent.add(pid)
                try:
                    os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
                except ProcessLookupError:
                    pass
        time.sleep(0.02)


def supervised(workspace):
    try:
        with open(os.path.join(workspace, "composer.supervisor")) as file:
            return belongs(int(file.read()), workspace)
    except (OSError, ValueError):
        return False


def begin(descriptor, workspaces):
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    for workspace in workspaces:
        if supervised(workspace):
            print(workspace)
        else:
            end(workspace, {os.getpid()})


def main():
    verb, workspace, *pids = sys.argv[1:]
    if verb == "begin":
        begin(int(workspace), pids)
    elif verb == "alive":
        sys.exit(0 if belongs(pids[0], workspace) else 1)
    else:
        end(workspace, {os.getpid(), *map(int, pids)})


main()
