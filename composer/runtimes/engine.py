"""The only room that speaks to the Docker SDK: ping, inspect, logs. Builds and starts are Compose's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from composer.deployment.image_record import RecordedImage
from composer.deployment.layout import DEPLOYMENT_LABEL, INPUTS_LABEL, is_same_folder
from composer.images.store import ImageFacts
from composer.model.command import Command
from composer.runtimes.engine_answers import (
    PROJECT_LABEL,
    Container,
    Listed,
    container_of,
    file_in,
    image_facts,
    labels_of,
    listed,
    text,
    texts,
)
from composer.runtimes.engine_facts import EngineFacts, engine_facts
from composer.runtimes.engine_failures import asking, behind_ssh, too_old
from composer.system.foreign_files import ForeignFile
from composer.system.tail import first_of

if TYPE_CHECKING:
    from docker import APIClient

# Bytes; what stands before a file in an archive is less.
_TAR_BLOCK = 1 << 13
_MOST = 1 << 20  # Of what a command in a container, or its last lines, may take.
# That of Docker 20.10, the oldest that is kept in repair anywhere.
_OLDEST_API = (1, 41)


class Engine:
    """A Docker engine, found as the Docker CLI finds it: DOCKER_HOST, else the current context."""

    program = "docker"

    def __init__(self, client: APIClient) -> None:
        self._client = client

    def saving(self, target: Path, tags: Sequence[str]) -> Command:
        """Return the command that writes images to one archive, in which what they share lies once."""
        return Command((self.program, "save", "--output", str(target), *tags))

    def facts(self) -> EngineFacts:
        """Return what the engine says of itself.

        Raises:
            ComposerError: It does not answer, or says what cannot be understood.
        """
        with asking():
            local = self._client.base_url.startswith(("http+docker://", "http://localhost"))
            return engine_facts(self._client.info(), self._client.version(), local)

    def built_images(self) -> dict[str, RecordedImage]:
        """Return the ID of every image that has composer's label, and what that label says, by tag."""
        with asking():
            return {
                tag: RecordedImage(labels_of(image.get("Labels")).get(INPUTS_LABEL, ""), text(image["Id"]))
                for image in self._client.images(filters={"label": INPUTS_LABEL})
                for tag in texts(image.get("RepoTags"))
            }

    def layers(self, image: str) -> tuple[str, ...]:
        """Return the digests of an image's layers, which must be there."""
        with asking():
            return texts(self._inspect_image(image)["RootFS"]["Layers"])

    def image_facts(self) -> dict[str, ImageFacts]:
        """Return what the engine says of every tagged image, by tag."""
        with asking():
            images = self._client.df()["Images"] or ()
            return {tag: image_facts(image) for image in images for tag in texts(image.get("RepoTags"))}

    def has_image(self, tag: str) -> bool:
        """Tell whether the engine has an image of this name, so that nothing need be pulled."""
        from docker.errors import NotFound

        with asking():
            try:
                self._inspect_image(tag)
            except NotFound:
                return False
        return True

    def containers(self, compose_project: str, seen: Mapping[str, Container] | None = None) -> tuple[Container, ...]:
        """Return the containers of a Compose project, running or not, one-off ones too.

        Args:
            compose_project: The project's name.
            seen: Those that were looked at a moment ago, by ID: only whose state has changed is looked at again.
        """
        return self._inspected(self._list(f"{PROJECT_LABEL}={compose_project}"), seen or {})

    def containers_of(self, deployment: Path) -> tuple[Container, ...]:
        """Return the containers of a deployment folder, whatever their Compose project."""
        return self._inspected(self._list_of(deployment), {})

    def compose_projects_of(self, deployment: Path) -> frozenset[str]:
        """Return the Compose projects that a deployment folder has containers of."""
        return frozenset(item.labels.get(PROJECT_LABEL, "") for item in self._list_of(deployment))

    def processes(self, container: str) -> tuple[str, ...]:
        """Return the command lines of the processes in a container; none where it does not run."""
        from docker.errors import APIError

        with asking():
            try:
                found = self._client.top(container, ps_args="-eo pid,args")
                return tuple(text(row[-1]) for row in found["Processes"] or ())
            except APIError as error:
                if error.response is not None and error.response.status_code in (404, 409):
                    return ()
                raise

    def try_to_start(self, container: str) -> str:
        """Start a container and return why the engine cannot; empty if it can."""
        from docker.errors import APIError

        with asking():
            try:
                self._client.start(container)
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

        archive = b""
        with asking(), contextlib.suppress(NotFound):
            stream, _ = self._client.get_archive(container, path, chunk_size=_TAR_BLOCK)
            archive = first_of(stream, most + _TAR_BLOCK)
        found = file_in(archive, most)
        if found is None:
            raise FileNotFoundError(path)
        return found

    def run_in(self, container: str, *argv: str) -> tuple[int, str]:
        """Run a command in a running container; return its status and what it wrote, both streams."""
        with asking():
            made = text(self._client.exec_create(container, list(argv))["Id"])
            output = first_of(self._client.exec_start(made, stream=True), _MOST)
            status = int(self._client.exec_inspect(made)["ExitCode"] or 0)
        return status, output.decode("utf-8", "replace")

    def remove_image(self, tag: str) -> None:
        """Take a name off an image, and with its last name the image; one that is gone or in use is no error."""
        from docker.errors import APIError

        with asking(), contextlib.suppress(APIError):
            self._client.remove_image(tag)

    def remove_untagged(self) -> None:
        """Remove the images that composer built, that have lost their names to newer ones, and that nobody uses."""
        with asking():
            images = self._client.images(filters={"label": INPUTS_LABEL, "dangling": True})
            left = [text(image["Id"]) for image in images]
        for image in left:
            self.remove_image(image)

    def remove(self, container: str) -> None:
        """End a container at once and remove it; one that is gone is no error."""
        from docker.errors import NotFound

        with asking(), contextlib.suppress(NotFound):
            self._client.remove_container(container, force=True)

    def name_image(self, image: str, name: str) -> None:
        """Let ``name`` stand for the image with this id again; an image that is gone stays gone."""
        from docker.errors import NotFound

        repository, _, tag = name.rpartition(":")
        with asking(), contextlib.suppress(NotFound):
            self._client.tag(image, repository, tag)

    def _inspect_image(self, name: str) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", self._client.inspect_image(name))  # type: ignore[no-untyped-call]

    def _inspected(self, items: Sequence[Listed], seen: Mapping[str, Container]) -> tuple[Container, ...]:
        found = []
        for item in items:
            known = seen.get(item.id)
            one = known if known and known.state == item.state else self._inspect(item.id)
            # One that is gone between the two calls is no container of ours any more.
            found += [one] if one else []
        return tuple(found)

    def _list_of(self, deployment: Path) -> list[Listed]:
        found = self._list(DEPLOYMENT_LABEL)
        return [one for one in found if is_same_folder(one.labels.get(DEPLOYMENT_LABEL, ""), deployment)]

    def _list(self, label: str) -> list[Listed]:
        # Images that Compose built carry the project's label too, and hand it on to whatever runs them.
        wanted = [label, "com.docker.compose.config-hash"]
        with asking():
            return [listed(one) for one in self._client.containers(all=True, filters={"label": wanted})]

    def last_lines(self, container: str, lines: int) -> list[str]:
        """Return the last lines that a container wrote, both streams, oldest first."""
        with asking():
            blocks = self._client.logs(container, stdout=True, stderr=True, stream=True, follow=False, tail=lines)
            said = first_of(blocks, _MOST)
        return said.decode("utf-8", "replace").split("\n")

    def _inspect(self, container: str) -> Container | None:
        from docker.errors import NotFound

        with asking():
            try:
                return container_of(self._client.inspect_container(container))
            except NotFound:
                return None


def connect(docker_host: str | None = None) -> Engine:
    """Return the engine that the Docker CLI would use, or the one behind ``docker_host``.

    Raises:
        ComposerError: There is none, it does not answer, is too old, or is on another machine behind SSH.
    """
    if not docker_host and os.environ.get("DOCKER_HOST", "").startswith("ssh://"):
        raise behind_ssh()
    with asking():
        # Docker's SDK takes longer to import than composer itself.
        from composer.runtimes.engine_client import open_client

        client = open_client(docker_host)
        if str(client.base_url).startswith("http+docker://ssh"):
            raise behind_ssh()
        spoken = str(client.api_version)
        version = tuple(map(int, spoken.split(".")))
    if version < _OLDEST_API:
        raise too_old(f"API {spoken}")
    return Engine(client)
