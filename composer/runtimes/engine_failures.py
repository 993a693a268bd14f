"""What it means to a user that an engine cannot be asked, or that its answer makes no sense."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator

from composer.model.errors import ComposerError
from composer.system.foreign_text import clip

_LOOK = "see what `docker info` says"
# What reading an answer raises that is not as an engine answers, in Docker's SDK or here.
NO_SENSE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


class EngineFailed(ComposerError):
    """An engine cannot be asked, or its answer makes no sense; ``what`` says so of an engine that others name."""

    def __init__(self, what: str, hint: str, message: str = "") -> None:
        super().__init__(message or f"the Docker engine at {_where()} {what}", hint)
        self.what = what


@contextlib.contextmanager
def asking() -> Iterator[None]:
    """Ask an engine, and read what it answers, in the block.

    Raises:
        EngineFailed: It does not answer, or its answer makes no sense.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (DockerException, RequestException, HTTPError) as error:
        raise _unreachable(error) from error
    except NO_SENSE as error:
        what = clip(f"{type(error).__name__}: {error}".split("\n")[0])
        raise EngineFailed(f"gives an answer without sense ({what})", _LOOK) from error


def too_old(said: str) -> EngineFailed:
    """Return the failure of an engine that says it is of an API that is not kept in repair any more."""
    return EngineFailed(f"is too old ({said})", "update it to Docker 20.10 or newer")


def behind_ssh() -> EngineFailed:
    """Return that an engine is on another machine, which has neither the kits nor the ports of this one."""
    return EngineFailed(
        "is on another machine",
        "name that machine in composer.yml, hosts, and unset DOCKER_HOST or: docker context use default",
    )


def _unreachable(error: Exception) -> EngineFailed:
    where, text = _where(), str(error)
    if "paramiko" in text:
        # What the SDK lacks for a context that leads over SSH.
        return behind_ssh()
    if "API versions below" in text:
        return too_old("API before 1.24")
    if "Permission denied" in text or "PermissionError" in text:
        return EngineFailed(
            "may not be used",
            "join the docker group, then log in again",
            f"you may not use the Docker engine at {where}",
        )
    what = f"does not answer: {clip(text.splitlines()[0] if text else type(error).__name__)}"
    if "FileNotFoundError" in text or "ConnectionRefused" in text or "Connection refused" in text:
        start = "start Docker, or set DOCKER_HOST to your engine"
        return EngineFailed(what, start, f"no Docker engine answers at {where}")
    return EngineFailed(what, _LOOK)


def _where() -> str:
    return os.environ.get("DOCKER_HOST") or "the current Docker context"
