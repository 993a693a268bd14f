"""What Podman needs of this machine, as it says it itself (``podman info``)."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.model.finding import Finding
from composer.model.kinds import Severity
from composer.system.process import run

_SECONDS = 30.0
_INITS = tuple(Path(folder, "catatonit") for folder in ("/usr/libexec/podman", "/usr/lib/podman", "/usr/bin"))
# What programs in an image may have as owners of their files.
_FEW = 65536


def examine() -> tuple[Finding, ...]:
    """Return what is wrong with this machine, for containers that are run as composer's user.

    Raises:
        ComposerError: Podman does not say, or says what cannot be understood.
    """
    try:
        said = json.loads(run(Command(("podman", "info", "--format", "json")), _SECONDS))
        linger = Path("/var/lib/systemd/linger", pwd.getpwuid(os.geteuid()).pw_name).exists()
        return tuple(findings(said["host"], linger, Path("/run/systemd/system").is_dir()))
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise ComposerError("what `podman info` says cannot be understood", "see: podman info --format json") from error


def findings(host: Mapping[str, Any], linger: bool, systemd: bool) -> Iterator[Finding]:
    """Yield what is wrong with a machine.

    Args:
        host: What ``podman info`` says of it.
        linger: Whether the user's services run when the user is not logged in.
        systemd: Whether systemd has booted it.
    """
    rootless = bool(host["security"]["rootless"])
    if rootless and sum(int(one["size"]) for one in host["idMappings"]["uidmap"] or ()) < _FEW:
        yield _finding(
            "SUBUID",
            "error",
            "this user has too few subordinate user ids for images (/etc/subuid, /etc/subgid)",
            "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER, then: podman system migrate",
        )
    if rootless and systemd and not linger:
        yield _finding(
            "LINGER",
            "warning",
            "containers of this user end when the user logs out, and quadlets start nothing at boot",
            "loginctl enable-linger",
        )
    if host.get("cgroupVersion") == "v1" and rootless:
        yield _finding(
            "CGROUPS",
            "warning",
            "with cgroups v1, nothing limits what containers of an ordinary user take, memory and processes included",
            "boot with systemd.unified_cgroup_hierarchy=1, or run Podman as root",
        )
    elif missing := [one for one in ("memory", "pids") if one not in (host.get("cgroupControllers") or ())]:
        yield _finding(
            "CGROUPS",
            "warning",
            f"containers cannot be limited in {' and '.join(missing)}: the controllers are not delegated",
            "delegate them to users (Delegate= of user@.service in systemd), and log in again",
        )
    if rootless and not any(map(shutil.which, ("pasta", "slirp4netns"))):
        yield _finding(
            "PASTA",
            "error",
            "without pasta or slirp4netns, the steps of a build have no network",
            "install passt, or write image: {build_network: host} in composer.yml",
        )
    if not any(path.exists() for path in _INITS):
        yield _finding(
            "INIT",
            "error",
            "without catatonit, Podman starts no container that is to have an init",
            "install catatonit",
        )


def _finding(check: str, severity: Severity, message: str, fix: str) -> Finding:
    return Finding(check, severity, "", message, fix)
