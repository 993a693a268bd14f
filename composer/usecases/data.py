"""What participants are to see of this machine, and whether it is there."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from composer.model.federation import Federation
from composer.model.files import Owner
from composer.model.finding import Finding
from composer.model.kinds import LOCAL

DATA_HINT = "make it, mount it, or correct data in composer.yml"


def missing_data(federation: Federation) -> Iterator[tuple[str, Path]]:
    """Yield each source of data on this machine that does not exist, with who is to see it."""
    for participant in federation.on(LOCAL).participants:
        for mount in participant.data:
            if not mount.source.exists():
                yield participant.name, mount.source


def closed_data(federation: Federation) -> Iterator[Finding]:
    """Yield what is to be said of data on this machine that the user of a container may not read, or not write to.

    It goes by the modes alone: access lists may allow more. In a container root, too, is bound to them.
    """
    if federation.runtime_on(LOCAL) != "docker":
        return
    for participant in federation.on(LOCAL).participants:
        for mount in participant.data:
            try:
                found = mount.source.stat()
            except OSError:
                continue
            needed = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(found.st_mode) else 0)
            needed |= 0 if mount.read_only else stat.S_IWOTH
            if needed & ~_granted(found.st_mode, Owner(found.st_uid, found.st_gid), participant.user):
                verb = "read" if mount.read_only else "read and write"
                message = f"{participant.name} is to {verb} {mount.source}, which user {participant.user} may not"
                fix = "give that user the rights (chmod, chown, setfacl); its jobs fail there else"
                yield Finding("DATA", "warning", "", message, fix)


def _granted(mode: int, owner: Owner, user: Owner) -> int:
    """Return the rights of a user, where those of others stand."""
    if owner.uid == user.uid:
        return mode >> 6 & 0o7
    return (mode >> 3 if owner.gid == user.gid else mode) & 0o7
