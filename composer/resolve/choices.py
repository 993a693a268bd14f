"""What composer.yml says of one participant alone: refused where an engine, or a shell, would stumble over it. Pure."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Mapping
from pathlib import PurePath

from composer.definition import DataMount, ParticipantChoice
from composer.deployment.layout import JOB_STORE, WORKSPACE
from composer.model.errors import ComposerError
from composer.model.federation import Mount
from composer.model.names import fault_of_variable
from composer.model.nearest import nearest
from composer.model.sizes import parse_size

# Docker refuses less memory (moby, daemon/daemon_unix.go: linuxMinMemory).
_LEAST_MEMORY = 6 << 20
_LEAST_CPUS = 0.01
_COARSE = 64 << 20
# As Docker knows them (docker/go-units, ulimit.go).
_ULIMITS = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio"),
    *("rttime", "sigpending", "stack"),
)
# An index, a UUID of NVIDIA's, or a name of CDI's.
_GPU = re.compile(r"[\w./:=-]+", re.ASCII)
# What composer itself mounts, or has put into the image; and what every program needs.
_OWN_PLACES = (WORKSPACE, JOB_STORE, "/opt/composer", "/opt/flare")
# CIS Docker Benchmark 5.5 and 5.32: with them a container has its host.
_NEVER_SHOWN = (
    "/boot",
    "/dev",
    "/etc",
    "/proc",
    "/run/docker.sock",
    "/run/podman",
    "/sys",
    "/var/run",
    "/var/lib/docker",
)
_HOMES = ("/home", "/root")
_SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sys", "/usr")


def resolve_environment(name: str, choice: ParticipantChoice) -> tuple[tuple[str, str], ...]:
    """Return the environment of a participant's own, but for what is private.

    Raises:
        ComposerError: Something in it is no variable, or one that composer sets itself.
    """
    if not choice.environment:
        return ()
    from composer.definition.env_file import is_private, written_out

    for variable in choice.environment:
        if fault := fault_of_variable(variable):
            raise ComposerError(
                f"participants.{name}.environment: {variable!r} {fault}", "write NAME: value, with another name"
            )
    return tuple(
        sorted((key, written_out(value)) for key, value in choice.environment.items() if not is_private(value))
    )


def resolve_private(name: str, values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the variables of a participant whose values are shown nowhere.

    Raises:
        ComposerError: One of them is no variable, is one that composer sets itself, or has what none can have.
    """
    for variable, value in values.items():
        fault = fault_of_variable(variable) or ("has a NUL in it" if "\0" in value else "")
        if fault:
            raise ComposerError(f"participants.{name}.env_file: {variable!r} {fault}", "take it out of the file")
    return tuple(sorted(values.items()))


def resolve_mounts(name: str, choice: ParticipantChoice, closed: Mapping[PurePath, str]) -> tuple[Mount, ...]:
    """Return what a participant sees of its host, and where.

    Args:
        name: The participant's.
        choice: What composer.yml says of it.
        closed: Folders of its host with private keys that its jobs must not see, and what each is.

    Raises:
        ComposerError: A target is no absolute path, is given twice, or would hide what the participant runs from; or a
            source would show what no job may see (docs/hardening.md).
    """
    key, targets = f"participants.{name}.data", set()
    for data in choice.data:
        if shown := _shown_by(data, closed):
            raise ComposerError(f"{key}: {data.source} would show jobs {shown}", "name the folder of the data alone")
        target = posixpath.normpath(data.target)
        if not data.target.startswith("/"):
            raise ComposerError(f"{key}: the target {data.target!r} is not absolute", "write a path from / on: /data")
        if target in targets:
            raise ComposerError(f"{key}: {target} is the target of two mounts", "give each a target of its own")
        hidden = [place for place in (*_OWN_PLACES, *_SYSTEM) if _is_in(place, target)]
        hidden += [place for place in _OWN_PLACES if _is_in(target, place)]
        # Without containers nothing is mounted: a target is the source itself.
        if hidden and target != str(data.source):
            raise ComposerError(
                f"{key}: {data.target} would hide what {name} has in {hidden[0]}", "name another target, such as /data"
            )
        targets.add(target)
    return tuple(Mount(data.source, data.target, data.read_only) for data in choice.data)


def _shown_by(data: DataMount, closed: Mapping[PurePath, str]) -> str:
    # Without containers nothing is mounted: jobs see what their user does.
    if data.target == str(data.source):
        return ""
    source = str(data.source)
    found = [what for folder, what in closed.items() if _is_in(str(folder), source) or _is_in(source, str(folder))]
    found += [f"all of the host's {source}" for one in _HOMES if source == one]
    found += [f"the host's {one}" for one in _NEVER_SHOWN if _is_in(source, one) or _is_in(one, source)]
    return found[0] if found else ""


def resolve_gpus(name: str, choice: ParticipantChoice) -> str | tuple[str, ...]:
    """Return which GPUs a participant gets.

    Raises:
        ComposerError: One of them cannot be the name of one.
    """
    if choice.gpus == "all":
        return "all"
    gpus = tuple(map(str, choice.gpus or ()))
    for gpu in gpus:
        if not _GPU.fullmatch(gpu):
            raise ComposerError(
                f"participants.{name}.gpus: {gpu!r} is no GPU", "write all, or a list of what `nvidia-smi -L` shows"
            )
    return gpus


def resolve_shm_size(name: str, choice: ParticipantChoice, contained: bool, machine: int = 0) -> str:
    """Return the size of a participant's shared memory; empty where nobody asked for one and there is no container.

    By default it is half of the participant's memory limit, or without one 1 GiB, or half of the machine's memory where
    that is less: Docker's 64 MiB end the data loaders of PyTorch.

    Args:
        name: The participant's.
        choice: What composer.yml says of it.
        contained: Whether it runs in a container.
        machine: Bytes of memory that its machine has; 0: unknown.

    Raises:
        ComposerError: It is no size.
    """
    size = choice.shm_size
    if size is not None:
        if _bytes(size) <= 0:
            raise ComposerError(f"participants.{name}.shm_size: {size!r} is no size", "write a number and a unit: 8g")
        return size
    if not contained:
        return ""
    if choice.memory is not None:
        return _in_mib(_bytes(choice.memory) // 2)
    # The kernel's own share differs a little from one boot to the next, which is to change nothing.
    return _in_mib(min(1 << 30, machine // 2 // _COARSE * _COARSE or 1 << 30))


def resolve_cpus(name: str, choice: ParticipantChoice) -> str:
    """Return how many processors a participant may keep busy; empty where that is not limited.

    Raises:
        ComposerError: It is fewer than Docker allows (moby, daemon/daemon_unix.go), or no number.
    """
    if choice.cpus is None:
        return ""
    if not _LEAST_CPUS <= choice.cpus < math.inf:
        raise ComposerError(
            f"participants.{name}.cpus: {choice.cpus:g} is no number of at least {_LEAST_CPUS}", "write cpus: 4"
        )
    return f"{choice.cpus:.9f}".rstrip("0").rstrip(".")


def resolve_ulimits(name: str, choice: ParticipantChoice) -> tuple[tuple[str, int, int], ...]:
    """Return the limits for each of a participant's processes, sorted by name.

    Raises:
        ComposerError: The kernel has none of that name, or it is less than nothing or more than its hard limit.
    """
    for limit, value in choice.ulimits.items():
        key = f"participants.{name}.ulimits.{limit}"
        if limit not in _ULIMITS:
            near = nearest(limit, _ULIMITS)
            raise ComposerError(f"{key} is no limit", f"did you mean {near}?" if near else f"use {', '.join(_ULIMITS)}")
        if min(value.soft, value.hard) < -1:
            raise ComposerError(f"{key}: a limit is no less than 0", "write -1 for no limit")
        if value.hard != -1 and not 0 <= value.soft <= value.hard:
            raise ComposerError(f"{key}: soft ({value.soft}) is more than hard ({value.hard})", "raise hard")
    return tuple(sorted((limit, value.soft, value.hard) for limit, value in choice.ulimits.items()))


def resolve_memory(name: str, choice: ParticipantChoice) -> str:
    """Return the memory limit of a participant; empty where it has none.

    Raises:
        ComposerError: It is no size, or less than Docker allows.
    """
    if choice.memory is None:
        return ""
    if _bytes(choice.memory) < _LEAST_MEMORY:
        raise ComposerError(
            f"participants.{name}.memory: {choice.memory!r} is no size of at least 6m", "write a number and a unit: 16g"
        )
    return choice.memory


def _bytes(size: str) -> int:
    """Return how many bytes a size stands for; -1 where it is none."""
    try:
        return parse_size(size)
    except ValueError:
        return -1


def _in_mib(size: int) -> str:
    return f"{max(size >> 20, 1)}m"


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
