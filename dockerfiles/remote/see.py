"""Run on a host by composer: prints what is seen of the plain processes of a federation there, as one line of JSON.

    see.py ROOT [SERVER]      ROOT: the federation's folder; SERVER: the service whose log is wanted, too

Jobs write to the same folders: no link is followed, no pipe is waited for, and no more is read than is asked for.
"""

import base64
import json
import os
import pwd
import stat
import sys

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_VARIABLE = b"FLARE_WORKSPACE="
# Each file of a workspace that composer reads: how many bytes of it, and whether they are the last ones.
_FILES = {
    "composer.state": (64, False),
    "composer.restarts": (10, False),
    "startup/rootCA.pem": (1 << 16, False),
    "console.log": (1 << 14, True),
}
_LOGS = {"log.txt": (1 << 18, True), "log.json": (1 << 18, True)}


def read(folder, path, most, from_end):
    descriptors = [os.open(folder, os.O_RDONLY | os.O_DIRECTORY)]
    try:
        *above, name = path.split("/")
        for one in above:
            descriptors.append(os.open(one, _FOLDER, dir_fd=descriptors[-1]))
        descriptors.append(os.open(name, _FILE, dir_fd=descriptors[-1]))
        status = os.fstat(descriptors[-1])
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is no regular file")
        start = max(status.st_size - most, 0) if from_end else 0
        return os.pread(descriptors[-1], most, start), status.st_mtime
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def supervised(workspace):
    """Whether the process in composer.supervisor has this workspace in its environment: a pid alone may be anybody's."""
    try:
        pid = int(read(os.path.dirname(workspace), os.path.basename(workspace) + "/composer.supervisor", 11, False)[0])
        with open("/proc/%d/environ" % pid, "rb") as environment:
            variables = environment.read().split(b"\0")
    except (OSError, ValueError):
        return False
    found = [os.path.realpath(one[len(_VARIABLE) :]) for one in variables if one.startswith(_VARIABLE)]
    return found[:1] == [os.fsencode(os.path.realpath(workspace))]


def other_users(workspaces):
    """As whom participants run whose environment another user's rights hide: the command line names the workspace."""
    named = {os.fsencode(os.path.realpath(path)): service for service, path in workspaces.items()}
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            user = os.stat("/proc/" + pid).st_uid
            if user == os.geteuid():
                continue
            with open("/proc/%s/cmdline" % pid, "rb") as file:
                arguments = file.read().split(b"\0")
        except OSError:
            continue
        for service in (named[one] for one in arguments if one in named):
            found[service] = name_of(user)
    return found


def name_of(user):
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def names_in(folder):
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def main(root, server=""):
    top = os.path.join(root, "workspaces")
    workspaces = {name: os.path.join(top, name) for name in names_in(top) if not name.startswith(".")}
    workspaces = {name: path for name, path in workspaces.items() if os.path.isdir(path) and not os.path.islink(path)}
    living = [name for name, path in workspaces.items() if supervised(path)]
    files = {}
    for service in workspaces:
        wanted = dict(_FILES, **(_LOGS if service == server else {}))
        for path, (most, from_end) in wanted.items():
            try:
                content, written = read(top, "%s/%s" % (service, path), most, from_end)
            except OSError:
                continue
            files["%s/%s" % (service, path)] = [base64.b64encode(content).decode(), written]
    absent = {name: path for name, path in workspaces.items() if name not in living}
    seen = {
        "supervised": living,
        "others": other_users(absent) if absent else {},
        "former": [name for name in names_in(os.path.join(top, ".former"))],
        "environments": [
            name for name in names_in(os.path.join(root, "venvs")) if os.path.isfile(os.path.join(root, "venvs", name, ".complete"))
        ],
        "files": files,
    }
    print("seen " + json.dumps(seen))


main(*sys.argv[1:])
