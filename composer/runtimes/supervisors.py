"""Who runs in a deployment folder as plain processes, whatever the folder says of itself by now.

A participant's supervisor leaves its pid in the workspace. A pid alone may be somebody else's by now: that it is the
supervisor is proven by the workspace in its environment, or, where another user's environment may not be read, by the
workspace in its command line.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from composer.system.foreign_files import read_foreign

_VARIABLE = b"FLARE_WORKSPACE="
# Of a process number.
_DIGITS = 10


def supervised_services(deployment: Path) -> tuple[str, ...]:
    """Return the services whose supervisors live, also those that are not in the deployment any more."""
    return tuple(sorted(path.name for path in workspaces(deployment) if supervised(path)))


def workspaces(deployment: Path) -> tuple[Path, ...]:
    """Return the folders of all that have ever run in a deployment folder."""
    try:
        return tuple(path for path in (deployment / "workspaces").iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return ()


def supervised(workspace: Path) -> bool:
    """Tell whether the supervisor of a workspace lives and may be seen by this user."""
    pid = _supervisor(workspace)
    if pid is None:
        return False
    try:
        environment = Path("/proc", str(pid), "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    found = [value.removeprefix(_VARIABLE) for value in environment if value.startswith(_VARIABLE)]
    return bool(found) and os.path.realpath(found[0]) == os.fsencode(os.path.realpath(workspace))


def runs_as(workspace: Path) -> str:
    """Return the other user as whom the participant of a workspace runs; empty where this is none or not known."""
    named = os.fsencode(os.path.realpath(workspace))
    for process in Path("/proc").glob("[0-9]*"):
        try:
            user = process.stat().st_uid
            if user != os.geteuid() and named in (process / "cmdline").read_bytes().split(b"\0"):
                return _name(user)
        except OSError:
            continue
    return ""


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _supervisor(workspace: Path) -> int | None:
    try:
        said = read_foreign(workspace.parent, f"{workspace.name}/composer.supervisor", _DIGITS + 1).content.strip()
    except OSError:
        return None
    return int(said) if said.isdigit() and len(said) <= _DIGITS else None
