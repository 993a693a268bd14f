"""Whose files composer acts on: those of its user and of root, as git (safe.directory) and sshd (StrictModes) do it."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from pathlib import Path
from typing import Literal

from composer.model.errors import ComposerError


def require_own(path: Path, link: Literal["follow", "refuse", "itself"] = "follow") -> None:
    """Make sure that a file or folder belongs to this user or to root, and that only they may write to it.

    Root also trusts the user who has called sudo, who may become root anyway. The group may write where it has nobody
    else in it: with user private groups and umask 002, all files are like that.

    Args:
        path: It may be missing.
        link: What counts where it is a link: what it leads to, that it is one, or whose it is itself.

    Raises:
        ComposerError: It does not, or others may.
    """
    try:
        status = path.stat() if link == "follow" else path.lstat()
    except OSError:
        # Whoever needs it says what is wrong.
        return
    name = shlex.quote(str(path))
    is_link = stat.S_ISLNK(status.st_mode)
    if is_link and link == "refuse":
        raise ComposerError(f"{path} is a link, which composer has not made", f"see where it leads, then: rm {name}")
    if status.st_uid not in _trusted_users():
        raise ComposerError(
            f"{path} belongs to {_user(status.st_uid)}, who could have anything run in your name",
            f"if you know what is in it: chown {os.geteuid()} {name}",
        )
    if is_link:
        # It has no mode of its own, and only who may write to its folder can change it.
        return
    if status.st_mode & stat.S_IWOTH:
        raise ComposerError(f"everybody may write to {path}", f"see what is in it, then: chmod o-w {name}")
    if status.st_mode & stat.S_IWGRP and not _is_private(status.st_gid, status.st_uid):
        raise ComposerError(f"others in its group may write to {path}", f"see what is in it, then: chmod g-w {name}")


def _trusted_users() -> set[int]:
    users = {0, os.geteuid()}
    caller = os.environ.get("SUDO_UID", "")
    if os.geteuid() == 0 and caller.isdigit():
        users.add(int(caller))
    return users


def _is_private(group: int, user: int) -> bool:
    """Tell whether a group is that of one user alone: its name is the user's, and nobody else is in it."""
    try:
        account, members = pwd.getpwuid(user), grp.getgrgid(group)
    except KeyError:
        return group == user
    alone = set(members.gr_mem) <= {account.pw_name}
    return alone and (members.gr_name == account.pw_name or group == account.pw_gid == user)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user {uid}"
