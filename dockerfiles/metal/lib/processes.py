"""Finds the processes of participants by the workspace in their environment.

    processes.py alive WORKSPACE PID          status 0 if PID is one of them
    processes.py end WORKSPACE [SUPERVISOR]   ends all of them but the supervisor: asks, then kills
    processes.py begin FD ROOT PARTICIPANT... locks FD, prints a line for each participant (see there), and ends what is
                                              left over of those whose supervisors do not live
    processes.py jobs WORKSPACES SERVICE...   prints the jobs that have processes in these workspaces, a line for each
    processes.py compare ROOT PARTICIPANT...  prints the same, and ends nobody
    processes.py stop WORKSPACES [SERVICE...] ends the processes of all workspaces in this folder, or of those named, and
                                              fails if one still lives

A PARTICIPANT is four arguments: SERVICE KIT LOCAL PYTHON; LOCAL is empty where the kit's own is used. Its line has
three columns: absent, running, or changed, which is running from something else than there is now; what has changed;
and what there is now, to be kept in workspaces/.started/SERVICE/parts when it is started.

It is one program, and begin one call, since to start Python is most of what any of it costs.
"""

import fcntl
import hashlib
import os
import signal
import stat
import sys
import time

_VARIABLE = b"FLARE_WORKSPACE="
_PATIENCE = 2.0
_PATIENCE_SUPERVISOR = 10.0
# What NVFLARE starts for a job, beside the server and at each site; its command line names the job behind -n.
_JOBS = (b"nvflare.private.fed.app.server.runner_process", b"nvflare.private.fed.app.client.worker_process")
_CHANGED = (
    ("settings", "its settings have changed"),
    ("python", "it is to run on another Python environment"),
    ("kit", "its kit has changed"),
    ("local", "its local files have changed"),
)


def workspace_of(pid):
    """The real path of the workspace in a process's environment; empty where there is none, or it may not be seen."""
    try:
        with open("/proc/%s/environ" % pid, "rb") as environment:
            for variable in environment.read().split(b"\0"):
                if variable.startswith(_VARIABLE):
                    return os.path.realpath(os.fsdecode(variable[len(_VARIABLE) :]))
    except OSError:
        pass
    return ""


def belongs(pid, workspace):
    return workspace_of(pid) == os.path.realpath(workspace)


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def members(workspace, spared):
    return [pid for pid in pids() if pid not in spared and belongs(pid, workspace)]


def signal_to(pid, number):
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def end(find, patience=_PATIENCE):
    """Asks all whom `find` returns to end, kills those who take longer, and returns those who live even then."""
    deadline = time.monotonic() + patience
    sent = set()
    while True:
        now = time.monotonic()
        left = find()
        if not left or now > deadline + _PATIENCE:
            return left
        for pid in left:
            if now > deadline or pid not in sent:
                sent.add(pid)
                signal_to(pid, signal.SIGKILL if now > deadline else signal.SIGTERM)
        time.sleep(0.02)


def supervisor_in(workspace):
    """The pid in composer.supervisor, or 0. Jobs write to the same folder: it may be a link or a pipe by now."""
    try:
        descriptor = os.open(
            os.path.join(workspace, "composer.supervisor"), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        )
    except OSError:
        return 0
    try:
        return int(os.read(descriptor, 32)) if stat.S_ISREG(os.fstat(descriptor).st_mode) else 0
    except ValueError:
        return 0
    finally:
        os.close(descriptor)


def supervised(workspace):
    pid = supervisor_in(workspace)
    return pid > 0 and belongs(pid, workspace)


def jobs(workspaces):
    """The jobs that have processes in these workspaces, which stand in their command lines."""
    wanted = {os.fsencode(os.path.realpath(workspace)) for workspace in workspaces}
    found = set()
    for pid in pids():
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if wanted.intersection(words) and set(_JOBS).intersection(words) and b"-n" in words[:-1]:
            found.add(os.fsdecode(words[words.index(b"-n") + 1]))
    return sorted(found)


def begin(descriptor, root, participants):
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    for service, running in compare(root, participants):
        if not running:
            workspace = os.path.join(root, "workspaces", service)
            end(lambda workspace=workspace: members(workspace, {os.getpid()}))


def compare(root, participants):
    """Prints the line of each participant, and returns whether it runs."""
    seen = []
    for service, kit, local, python in zip(*[iter(participants)] * 4):
        parts = {
            "settings": settings_of(os.path.join(root, "participants", service + ".conf")),
            "python": python,
            "kit": digest(os.path.join(kit, "startup")),
            "local": digest(local or os.path.join(kit, "local")),
        }
        running = supervised(os.path.join(root, "workspaces", service))
        former = kept(os.path.join(root, "workspaces", ".started", service, "parts")) if running else {}
        # One that an older composer has started has left no word of what from.
        changed = [word for part, word in _CHANGED if former and former.get(part, "") != parts[part]]
        state = "absent" if not running else "changed" if changed else "running"
        kept_as = " ".join("%s=%s" % item for item in sorted(parts.items()))
        # Not a blank: the shell would merge those with their neighbours, and lose an empty column.
        print("\x1f".join((state, " and ".join(changed), kept_as)))
        seen.append((service, running))
    sys.stdout.flush()
    return seen


def kept(path):
    try:
        with open(path) as file:
            return dict(part.split("=", 1) for part in file.read().split())
    except (OSError, ValueError):
        return {}


def settings_of(path):
    """What a participant's file says, but for where things lie: the same kit elsewhere is the same kit."""
    found = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for line in file:
                if not line.startswith((b"kit=", b"local=", b"python=")):
                    found.update(line)
    except OSError:
        return ""
    return found.hexdigest()


def digest(top):
    found = hashlib.sha256()
    for path in sorted(os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names):
        found.update(os.fsencode(os.path.relpath(path, top)) + b"\0")
        found.update(content(path))
    return found.hexdigest()


def content(path):
    found = hashlib.sha256()
    try:
        if os.path.islink(path):
            return os.fsencode(os.readlink(path))
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                found.update(block)
    except OSError:
        return b"unreadable"
    return found.digest()


def everybody_below(folder, services):
    """The processes of the workspaces in a folder, by workspace, and the users of those that are another's."""
    found, foreign = {}, {}
    for pid in pids():
        if pid == os.getpid():
            continue
        service = service_of(workspace_of(pid), folder)
        if service and (not services or service in services):
            found.setdefault(service, []).append(pid)
        elif not service:
            service, user = foreign_service(pid, folder)
            if service and (not services or service in services):
                foreign[service] = user
    return found, foreign


def service_of(path, folder):
    return path[len(folder) + 1 :].split(os.sep)[0] if path.startswith(folder + os.sep) else ""


def foreign_service(pid, folder):
    """Another user's environment cannot be read, but its command line can, which names the workspace."""
    try:
        user = os.stat("/proc/%s" % pid).st_uid
        if user == os.geteuid() or os.access("/proc/%s/environ" % pid, os.R_OK):
            return "", user
        with open("/proc/%s/cmdline" % pid, "rb") as file:
            arguments = [os.fsdecode(argument) for argument in file.read().split(b"\0")]
    except OSError:
        return "", 0
    named = [path for option, path in zip(arguments, arguments[1:]) if option == "-m"]
    return next((service for service in (service_of(path, folder) for path in named) if service), ""), user


def stop(folder, services):
    folder = os.path.realpath(folder)
    found, foreign = everybody_below(folder, services)
    supervisors = {supervisor_in(os.path.join(folder, service)) for service in found}
    supervisors &= {pid for members_of in found.values() for pid in members_of}
    for pid in supervisors:
        signal_to(pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_SUPERVISOR
    # A supervisor hands the signal on, and its participant has time to say goodbye to the server.
    while any(workspace_of(pid) for pid in supervisors) and time.monotonic() < deadline:
        time.sleep(0.02)

    def left():
        return [pid for members_of in everybody_below(folder, services)[0].values() for pid in members_of]

    living = end(left)
    for pid in living:
        fail("process %s of the participants in %s cannot be ended" % (pid, folder), "see what it waits for: ps %s" % pid)
    for service, user in sorted(foreign.items()):
        fail("%s runs as another user (uid %s)" % (service, user), "stop it as that user, or as root")
    sys.exit(1 if living or foreign else 0)


def fail(cause, hint):
    sys.stderr.write("error: %s\n hint: %s\n" % (cause, hint))


def main():
    verb, workspace, *rest = sys.argv[1:]
    if verb == "begin":
        begin(int(workspace), rest[0], rest[1:])
    elif verb == "compare":
        compare(workspace, rest)
    elif verb == "jobs":
        for job in jobs(os.path.join(workspace, service) for service in rest):
            # What a process calls itself may be of several lines.
            print(ascii(job)[1:-1])
    elif verb == "stop":
        stop(workspace, set(rest))
    elif verb == "alive":
        sys.exit(0 if belongs(rest[0], workspace) else 1)
    else:
        spared = {os.getpid()} | set(map(int, rest))
        end(lambda: members(workspace, spared))


main()
