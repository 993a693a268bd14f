"""Run by composer where a participant runs: prints the end of a job's log, from the participant's workspace or job store.

    joblog.py JOB LINES      JOB: its id, or how that begins; LINES: of the end, 0 for all

Ends with 44 where there is no such job, or no log of it, and with 45 where several jobs begin so. Jobs write to the same
folders: no link is followed, no pipe is waited for, and no more than 4 MiB are read, of an archive the first ones.
"""

import os
import stat
import sys
import zipfile

MOST = 4 << 20
NONE, SEVERAL = 44, 45
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


def open_below(folder, *parts):
    """Open a regular file below a folder; return it."""
    opened = [os.open(folder, FOLDER)]
    try:
        for part in parts[:-1]:
            opened.append(os.open(part, FOLDER, dir_fd=opened[-1]))
        descriptor = os.open(parts[-1], FILE, dir_fd=opened[-1])
    finally:
        for one in opened:
            os.close(one)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("it is no regular file")
    return os.fdopen(descriptor, "rb")


def names_in(folder, beginning):
    try:
        with os.scandir(folder) as entries:
            return {
                entry.name
                for entry in entries
                if entry.name.startswith(beginning) and entry.is_dir(follow_symlinks=False)
            }
    except OSError:
        return set()


def from_workspace(workspace, job):
    with open_below(workspace, job, "log.txt") as log:
        log.seek(max(os.fstat(log.fileno()).st_size - MOST, 0))
        return log.read(MOST)


def from_store(store, job):
    """A server keeps the workspace of a job that has ended as a ZIP archive."""
    with open_below(store, job, "workspace") as file, zipfile.ZipFile(file) as archive:
        names = [one for one in archive.namelist() if one.split("/")[-1] == "log.txt"]
        if not names:
            raise OSError("it has no log")
        with archive.open(min(names, key=lambda one: (one.count("/"), one))) as log:
            return log.read(MOST)


def main(beginning, lines):
    workspace = os.environ.get("FLARE_WORKSPACE") or os.getcwd()
    stores = ["/tmp/nvflare/jobs-storage", os.path.join(workspace, "../../job-store/jobs-storage")]
    if os.path.exists(os.path.join(workspace, "startup", "fed_server.json")):
        places = [(from_workspace, workspace), *((from_store, store) for store in stores)]
    else:
        places = [(from_workspace, workspace)]
    found = {name for _, folder in places for name in names_in(folder, beginning)}
    if len(found) > 1:
        sys.exit(SEVERAL)
    for read, folder in places if found else ():
        try:
            text = read(folder, next(iter(found)))
        except (OSError, ValueError, KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile):
            continue
        kept = text.splitlines(True)
        sys.stdout.buffer.write(b"".join(kept[-lines:] if lines else kept))
        sys.stdout.flush()
        return
    sys.exit(NONE)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
