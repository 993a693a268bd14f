"""The only room that speaks to the Docker SDK: ping, inspect, logs. Builds and starts are Compose's."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from composer.deployment.image_record import RecordedImage
from composer.deployment.layout import (
    AUTHORITY_LABEL,
    DEPLOYMENT_LABEL,
    INPUTS_LABEL,
    PARTICIPANT_LABEL,
    is_same_folder,
)
from composer.images.store import ImageFacts
from composer.model.errors import ComposerError
from composer.model.status import Health, State
from composer.runtimes.engine_facts import EngineFacts, engine_facts, parse_time
from composer.system.foreign_files import ForeignFile
from composer.system.foreign_text import clip
from composer.system.tail import first_of

if TYPE_CHECKING:
    from docker import DockerClient

_FAR_SECONDS = 20
# Bytes; what stands before a file in an archive is less.
_TAR_BLOCK = 1 << 13
_MOST = 1 << 20  # Of what a command in a container, or its last lines, may take.
# That of Docker 20.10, the oldest that is kept in repair anywhere.
_OLDEST_API = (1, 41)


@dataclass(frozen=True)
class Container:
    """A container of a Compose project. ``one_off`` tells an admin's console from what ``up`` started.

    ``inputs`` is what its image was built from, ``configuration`` Compose's own hash of what it was made from,
    ``authority`` the fingerprint of the root that its kit trusts.
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


class Engine:
    """A Docker engine, found as the Docker CLI finds it: DOCKER_HOST, else the current context."""

    def __init__(self, client: DockerClient) -> None:
        self._client = client

    def facts(self) -> EngineFacts:
        """Return what the engine says of itself.

        Raises:
            ComposerError: It does not answer, or says what cannot be understood.
        """
        with _speaking():
            said, version = self._client.info(), self._client.version()
        try:
            local = self._client.api.base_url.startswith(("http+docker://", "http://localhost"))
            return engine_facts(said, version, local)
        except (AttributeError, TypeError, ValueError) as error:
            raise _unreachable(error) from error

    def built_images(self) -> dict[str, RecordedImage]:
        """Return the ID of every image that has composer's label, and what that label says, by tag."""
        with _speaking():
            images = self._client.api.images(filters={"label": INPUTS_LABEL})
        return {
            tag: RecordedImage((image.get("Labels") or {}).get(INPUTS_LABEL, ""), image["Id"])
            for image in images
            for tag in image.get("RepoTags") or ()
        }

    def layers(self, image: str) -> tuple[str, ...]:
        """Return the digests of an image's layers, which must be there."""
        with _speaking():
            return tuple(self._client.images.get(image).attrs["RootFS"]["Layers"])

    def image_facts(self) -> dict[str, ImageFacts]:
        """Return what the engine says of every tagged image, by tag."""
        with _speaking():
            images = self._client.api.df()["Images"] or ()
        return {tag: _facts(image) for image in images for tag in image.get("RepoTags") or ()}

    def has_image(self, tag: str) -> bool:
        """Tell whether the engine has an image of this name, so that nothing need be pulled."""
        from docker.errors import NotFound

        with _speaking():
            try:
                self._client.images.get(tag)
            except NotFound:
                return False
        return True

    def containers(self, compose_project: str, seen: Mapping[str, Container] | None = None) -> tuple[Container, ...]:
        """Return the containers of a Compose project, running or not, one-off ones too.

        Args:
            compose_project: The project's name.
            seen: Those that were looked at a moment ago, by ID: only whose state has changed is looked at again.
        """
        return self._inspected(self._list(f"com.docker.compose.project={compose_project}"), seen or {})

    def containers_of(self, deployment: Path) -> tuple[Container, ...]:
        """Return the containers of a deployment folder, whatever their Compose project."""
        return self._inspected(self._list_of(deployment), {})

    def compose_projects_of(self, deployment: Path) -> frozenset[str]:
        """Return the Compose projects that a deployment folder has containers of."""
        return frozenset(item["Labels"].get("com.docker.compose.project", "") for item in self._list_of(deployment))

    def processes(self, container: str) -> tuple[str, ...]:
        """Return the command lines of the processes in a container; none where it does not run."""
        from docker.errors import APIError

        with _speaking():
            try:
                found = self._client.api.top(container, ps_args="-eo pid,args")
            except APIError as error:
                if error.response is not None and error.response.status_code in (404, 409):
                    return ()
                raise
        return tuple(row[-1] for row in found["Processes"] or ())

    def try_to_start(self, container: str) -> str:
        """Start a container and return why the engine cannot; empty if it can."""
        from docker.errors import APIError

        with _speaking():
            try:
                self._client.api.start(container)
            except APIError as error:
                return str(error.explanation or error)
        return ""

    def read(self, container: str, path: str, most: int) -> ForeignFile:
        """Return the first bytes of a file as a container sees it, running or not; no link is followed.

        Args:
            container: Its id.
            path: Of the file, absolute.
            most: Bytes that are read at most, whatever its size.

        Raises:
            FileNotFoundError: There is no such regular file, or no such container.
        """
        from docker.errors import NotFound

        with _speaking():
            try:
                stream, _ = self._client.api.get_archive(container, path, chunk_size=_TAR_BLOCK)
                archive = first_of(stream, most + _TAR_BLOCK)
            except NotFound as error:
                raise FileNotFoundError(path) from error
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            entry = opened.next()
        if entry is None or not entry.isreg():
            raise FileNotFoundError(path)
        content = archive[entry.offset_data : entry.offset_data + min(entry.size, most)]
        return ForeignFile(content, entry.mtime)

    def run_in(self, container: str, *argv: str) -> tuple[int, str]:
        """Run a command in a running container; return its status and what it wrote, both streams."""
        with _speaking():
            made = self._client.api.exec_create(container, list(argv))
            output = first_of(self._client.api.exec_start(made["Id"], stream=True), _MOST)
            status = self._client.api.exec_inspect(made["Id"])["ExitCode"]
        return int(status or 0), output.decode("utf-8", "replace")

    def remove_image(self, tag: str) -> None:
        """Take a name off an image, and with its last name the image; one that is gone or in use is no error."""
        from docker.errors import APIError

        with _speaking(), contextlib.suppress(APIError):
            self._client.api.remove_image(tag)

    def remove_untagged(self) -> None:
        """Remove the images that composer built, that have lost their names to newer ones, and that nobody uses."""
        with _speaking():
            left = self._client.api.images(filters={"label": INPUTS_LABEL, "dangling": True})
        for image in left:
            self.remove_image(image["Id"])

    def remove(self, container: str) -> None:
        """End a container at once and remove it; one that is gone is no error."""
        from docker.errors import NotFound

        with _speaking(), contextlib.suppress(NotFound):
            self._client.api.remove_container(container, force=True)

    def name_image(self, image: str, name: str) -> None:
        """Let ``name`` stand for the image with this id again; an image that is gone stays gone."""
        from docker.errors import NotFound

        repository, _, tag = name.rpartition(":")
        with _speaking(), contextlib.suppress(NotFound):
            self._client.api.tag(image, repository, tag)

    def _inspected(self, listed: list[dict[str, Any]], seen: Mapping[str, Container]) -> tuple[Container, ...]:
        found = []
        for item in listed:
            known = seen.get(item["Id"])
            one = known if known and known.state == item.get("State") else self._inspect(item["Id"])
            # One that is gone between the two calls is no container of ours any more.
            found += [one] if one else []
        return tuple(found)

    def _list_of(self, deployment: Path) -> list[dict[str, Any]]:
        return [i for i in self._list(DEPLOYMENT_LABEL) if is_same_folder(i["Labels"][DEPLOYMENT_LABEL], deployment)]

    def _list(self, label: str) -> list[dict[str, Any]]:
        # Images that Compose built carry the project's label too, and hand it on to whatever runs them.
        labels = [label, "com.docker.compose.config-hash"]
        with _speaking():
            return list(self._client.api.containers(all=True, filters={"label": labels}))

    def last_lines(self, container: str, lines: int) -> list[str]:
        """Return the last lines that a container wrote, both streams, oldest first."""
        with _speaking():
            blocks = self._client.api.logs(container, stdout=True, stderr=True, stream=True, follow=False, tail=lines)
            text = first_of(blocks, _MOST)
        return text.decode("utf-8", "replace").split("\n")

    def _inspect(self, container: str) -> Container | None:
        from docker.errors import NotFound

        with _speaking():
            try:
                found = self._client.api.inspect_container(container)
            except NotFound:
                return None
        return _container(found)


def connect(docker_host: str | None = None) -> Engine:
    """Return the engine that the Docker CLI would use, or the one behind ``docker_host``.

    Raises:
        ComposerError: There is none, it does not answer, or it is too old.
    """
    import docker

    with _speaking():
        if docker_host:
            client = docker.DockerClient(base_url=docker_host, timeout=_FAR_SECONDS)
        else:
            client = docker.from_env() if os.environ.get("DOCKER_HOST") else docker.from_context()
    spoken = str(client.api.api_version)
    if tuple(map(int, spoken.split("."))) < _OLDEST_API:
        raise _too_old(f"API {spoken}")
    return Engine(client)


def _too_old(said: str) -> ComposerError:
    return ComposerError(f"the Docker engine at {_where()} is too old ({said})", "update it to Docker 20.10 or newer")


def _where() -> str:
    return os.environ.get("DOCKER_HOST") or "the current Docker context"


@contextlib.contextmanager
def _speaking() -> Iterator[None]:
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except (DockerException, RequestException) as error:
        raise _unreachable(error) from error


def _unreachable(error: Exception) -> ComposerError:
    where, text = _where(), str(error)
    if "API versions below" in text:
        return _too_old("API before 1.24")
    if "Permission denied" in text or "PermissionError" in text:
        return ComposerError(
            f"you may not use the Docker engine at {where}", "join the docker group, then log in again"
        )
    if "FileNotFoundError" in text or "ConnectionRefused" in text or "Connection refused" in text:
        return ComposerError(f"no Docker engine answers at {where}", "start Docker, or set DOCKER_HOST to your engine")
    first = clip(text.split("\n")[0])
    return ComposerError(f"the Docker engine at {where} does not answer: {first}", "see what `docker info` says")


def _facts(image: Mapping[str, Any]) -> ImageFacts:
    return ImageFacts(
        id=image["Id"],
        size=int(image["Size"]),
        shared=max(int(image.get("SharedSize", 0)), 0),
        created=datetime.fromtimestamp(image["Created"], timezone.utc),
        labels=image.get("Labels") or {},
    )


def _container(found: Mapping[str, Any]) -> Container:
    state = found["State"]
    labels = found["Config"].get("Labels") or {}
    return Container(
        id=found["Id"],
        name=found["Name"].lstrip("/"),
        compose_project=labels.get("com.docker.compose.project", ""),
        service=labels.get("com.docker.compose.service", ""),
        participant=labels.get(PARTICIPANT_LABEL, ""),
        deployment=labels.get(DEPLOYMENT_LABEL, ""),
        authority=labels.get(AUTHORITY_LABEL, ""),
        image=found["Config"].get("Image", ""),
        image_id=found.get("Image", ""),
        # The engine lays an image's labels under a container's own.
        inputs=labels.get(INPUTS_LABEL, ""),
        configuration=labels.get("com.docker.compose.config-hash", ""),
        state=_state(state),
        health=_health(state.get("Health") or {}),
        exit_code=int(state.get("ExitCode", 0)),
        started=parse_time(state.get("StartedAt", "")),
        restarts=int(found.get("RestartCount", 0)),
        one_off=labels.get("com.docker.compose.oneoff") == "True",
    )


def _state(state: Mapping[str, Any]) -> State:
    status = state.get("Status", "")
    return cast(State, status) if status in ("created", "running", "paused", "restarting") else "exited"


def _health(said: Mapping[str, Any]) -> Health:
    status = cast(Health, said.get("Status", "none"))
    # After a pause Docker says unhealthy until it looks again, which may take minutes; no look has failed.
    return "starting" if status == "unhealthy" and said.get("FailingStreak") == 0 else status
