"""What an engine says of containers, images and files, read from its answers. Pure.

The engine of another host is its owner's: what is not of the type that engines send is refused where it is read, and
not where it is used. Every function raises AttributeError, LookupError, TypeError, ValueError or ArithmeticError then.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, cast

from composer.deployment.layout import AUTHORITY_LABEL, DEPLOYMENT_LABEL, INPUTS_LABEL, PARTICIPANT_LABEL
from composer.images.store import ImageFacts
from composer.model.status import Health, State
from composer.runtimes.engine_facts import parse_time
from composer.system.foreign_files import ForeignFile

PROJECT_LABEL = "com.docker.compose.project"


@dataclass(frozen=True)
class Listed:
    """A container as a list of containers has it."""

    id: str
    state: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Container:
    """A container of a Compose project. ``one_off`` tells an admin's console from what ``up`` started.

    ``inputs`` is what its image was built from, ``configuration`` Compose's own hash of what it was made from,
    ``authority`` the fingerprint of the root that its kit trusts. ``out_of_memory`` says that the kernel has killed a
    process in it, since it was started the last time, for want of memory.
    """

    id: str
    name: str
    compose_project: str
    service: str
    participant: str
    deployment: str
    authority: str
    image: str
    image_id: str
    inputs: str
    configuration: str
    state: State
    health: Health
    exit_code: int
    started: datetime | None
    restarts: int
    one_off: bool
    out_of_memory: bool = False


def text(value: object) -> str:
    """Return a text of an answer; empty where it is left out."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"a text was expected, not {type(value).__name__}")
    return value


def texts(value: object) -> tuple[str, ...]:
    """Return a list of texts of an answer; empty where it is left out."""
    if not isinstance(value, (list, type(None))):
        raise TypeError(f"a list was expected, not {type(value).__name__}")
    return tuple(text(one) for one in value or ())


def labels_of(value: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the labels of a container or an image."""
    return {name: text(label) for name, label in (value or {}).items()}


def listed(answer: Mapping[str, Any]) -> Listed:
    """Return a container as a list has it."""
    return Listed(text(answer["Id"]), text(answer.get("State")), labels_of(answer.get("Labels")))


def image_facts(answer: Mapping[str, Any]) -> ImageFacts:
    """Return what the engine says of an image."""
    return ImageFacts(
        id=text(answer["Id"]),
        size=int(answer["Size"]),
        shared=max(int(answer.get("SharedSize", 0)), 0),
        created=datetime.fromtimestamp(answer["Created"], timezone.utc),
        labels=labels_of(answer.get("Labels")),
    )


def container_of(answer: Mapping[str, Any]) -> Container:
    """Return a container as the engine describes it."""
    state, configuration = answer["State"], answer["Config"]
    said = labels_of(configuration.get("Labels"))
    return Container(
        id=text(answer["Id"]),
        name=text(answer["Name"]).lstrip("/"),
        compose_project=said.get(PROJECT_LABEL, ""),
        service=said.get("com.docker.compose.service", ""),
        participant=said.get(PARTICIPANT_LABEL, ""),
        deployment=said.get(DEPLOYMENT_LABEL, ""),
        authority=said.get(AUTHORITY_LABEL, ""),
        image=text(configuration.get("Image")),
        image_id=text(answer.get("Image")),
        # The engine lays an image's labels under a container's own.
        inputs=said.get(INPUTS_LABEL, ""),
        configuration=said.get("com.docker.compose.config-hash", ""),
        state=_state(state),
        health=_health(state.get("Health") or {}),
        exit_code=int(state.get("ExitCode", 0)),
        started=parse_time(text(state.get("StartedAt"))),
        restarts=int(answer.get("RestartCount", 0)),
        one_off=said.get("com.docker.compose.oneoff") == "True",
        out_of_memory=state.get("OOMKilled") is True,
    )


def file_in(archive: bytes, most: int) -> ForeignFile | None:
    """Return the first bytes of the file that an archive begins with.

    Args:
        archive: The beginning of a tar, as the engine writes one of a single path.
        most: Bytes of the file at most.

    Returns:
        None where the archive does not begin with a regular file, or is none.
    """
    try:
        # Uncompressed: what is compressed may become any length.
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as opened:
            entry = opened.next()
    except (tarfile.TarError, ArithmeticError, LookupError, OSError, RecursionError, TypeError, ValueError):
        # A header can be wrong in more ways than tarfile has words for.
        return None
    if entry is None or not entry.isreg() or entry.size < 0:
        return None
    content = archive[entry.offset_data : entry.offset_data + min(entry.size, most)]
    return ForeignFile(content, float(entry.mtime))


def _state(state: Mapping[str, Any]) -> State:
    status = text(state.get("Status"))
    return cast(State, status) if status in ("created", "running", "paused", "restarting") else "exited"


def _health(said: Mapping[str, Any]) -> Health:
    status = text(said.get("Status"))
    # After a pause Docker says unhealthy until it looks again, which may take minutes; no look has failed.
    if status == "unhealthy" and said.get("FailingStreak") == 0:
        return "starting"
    return cast(Health, status) if status in ("starting", "healthy", "unhealthy") else "none"
