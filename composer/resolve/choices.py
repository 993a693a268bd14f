"""What composer.yml says of one participant alone: refused where an engine, or a shell, would stumble over it. Pure."""

from __future__ import annotations

import posixpath
import re

from composer.definition import ParticipantChoice
from composer.deployment.layout import JOB_STORE, WORKSPACE
from composer.model.errors import ComposerError
from composer.model.federation import Mount
from composer.model.names import fault_of_variable
from composer.model.sizes import parse_size

# Docker refuses less memory (moby, daemon/daemon_unix.go: linuxMinMemory).
_LEAST_MEMORY = 6 << 20
# An index, a UUID of NVIDIA's, or a name of CDI's.
_GPU = re.compile(r"[\w./:=-]+", re.ASCII)
# What composer itself mounts, or has put into the image; and what every program needs.
_OWN_PLACES = (WORKSPACE, JOB_STORE, "/opt/composer", "/opt/flare")
_SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sys", "/usr")


def resolve_environment(name: str, choice: ParticipantChoice) -> tuple[tuple[str, str], ...]:
    """Return the environment of a participant's own.

    Raises:
        ComposerError: Something in it is no variable, or one that composer sets itself.
    """
    for variable in choice.environment:
        if fault := fault_of_variable(variable):
            raise ComposerError(
                f"participants.{name}.environment: {variable!r} {fault}", "write NAME: value, with another name"
            )
    return tuple(sorted(choice.environment.items()))


def resolve_mounts(name: str, choice: ParticipantChoice) -> tuple[Mount, ...]:
    """Return what a participant sees of its host, and where.

    Raises:
        ComposerError: A target is no absolute path, is given twice, or would hide what the participant runs from.
    """
    key, targets = f"participants.{name}.data", set()
    for data in choice.data:
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


def resolve_shm_size(name: str, choice: ParticipantChoice) -> str:
    """Return the size of a participant's shared memory; empty where it is the engine's own default.

    Raises:
        ComposerError: It is no size.
    """
    size = choice.shm_size or ""
    if size and _bytes(size) < 0:
        raise ComposerError(f"participants.{name}.shm_size: {size!r} is no size", "write a number and a unit: 8g")
    return size


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


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
