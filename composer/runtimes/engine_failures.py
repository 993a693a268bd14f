"""What it means to a user that an engine cannot be asked, or that its answer makes no sense."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator

from composer.model.errors import ComposerError
from composer.system.foreign_text import clip

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


@contextlib.contextmanager
def asking() -> Iterator[None]:
    """Ask an engine, and read what it answers, in the block.

    Raises:
        ComposerError: It does not answer, or its answer makes no sense.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (DockerException, RequestException, HTTPError) as error:
        raise unreachable(error) from error
    except NO_SENSE as error:
        what = clip(f"{type(error).__name__}: {error}".split("\n")[0])
        raise ComposerError(
            f"the Docker engine at {_where()} gives an answer without sense ({what})", "see what `docker info` says"
        ) from error


def too_old(said: str) -> ComposerError:
    """Return the failure of an engine that says it is of an API that is not kept in repair any more."""
    return ComposerError(f"the Docker engine at {_where()} is too old ({said})", "update it to Docker 20.10 or newer")


def unreachable(error: Exception) -> ComposerError:
    """Return what it means to a user that an engine cannot be asked."""
    where, text = _where(), str(error)
    if "API versions below" in text:
        return too_old("API before 1.24")
    if "Permission denied" in text or "PermissionError" in text:
        return ComposerError(
            f"you may not use the Docker engine at {where}", "join the docker group, then log in again"
        )
    if "FileNotFoundError" in text or "ConnectionRefused" in text or "Connection refused" in text:
        return ComposerError(f"no Docker engine answers at {where}", "start Docker, or set DOCKER_HOST to your engine")
    first = clip(text.split("\n")[0])
    return ComposerError(f"the Docker engine at {where} does not answer: {first}", "see what `docker info` says")


def _where() -> str:
    return os.environ.get("DOCKER_HOST") or "the current Docker context"
