"""Which of Podman's commands run a deployment, read from containers.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from composer.deployment.layout import RUN_FILE, WORKSPACE
from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.render.podman import ONE_OFF_LABEL, container_name

# Of a container that is ended; podman kills it then.
_PATIENCE = "10"


@dataclass(frozen=True)
class Service:
    """A participant as containers.json has it.

    Attributes:
        name: Its service's.
        container: Its container's name.
        configuration: What its container has as a label that is made from this.
        image: What it runs from.
        options: Of ``podman run``.
        command: What runs in it.
        by_hand: A person starts it when needed.
    """

    name: str
    container: str
    configuration: str
    image: str
    options: tuple[str, ...]
    command: tuple[str, ...]
    by_hand: bool

    def run(self) -> Command:
        """Return the command that creates its container, in place of one that has its name, and starts it."""
        named = ("--detach", "--replace", "--name", self.container)
        return Command(("podman", "run", *named, *self.options, self.image, *self.command))

    def run_once(self, options: Sequence[str], command: Sequence[str]) -> Command:
        """Return the command that runs another container with the same settings, which is gone when it ends.

        Args:
            options: Further ones of ``podman run``.
            command: Stands for its own; empty: its own.
        """
        once = ("--rm", "--interactive", f"--label={ONE_OFF_LABEL}=True")
        kept = [one for one in self.options if not one.startswith("--restart=")]
        return Command(("podman", "run", *once, *kept, *options, self.image, *(command or self.command)))


def read_services(deployment: Path) -> dict[str, Service]:
    """Return the services of a deployment folder, in the order in which they are started.

    Raises:
        ComposerError: Its containers.json is missing or damaged.
    """
    try:
        return parse_services((deployment / RUN_FILE).read_bytes())
    except OSError as error:
        raise ComposerError(f"cannot read {deployment / RUN_FILE}", "run composer generate --force KITS") from error


def parse_services(content: bytes) -> dict[str, Service]:
    """Return the services of a containers.json, in the order in which they are started.

    Raises:
        ComposerError: It is damaged.
    """
    try:
        document = json.loads(content)
        return {one.name: one for one in _services(document)}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ComposerError(f"{RUN_FILE} is damaged", "run composer generate --force KITS") from error


def _services(document: Mapping[str, Mapping[str, dict[str, object]]]) -> Iterator[Service]:
    for name, said in document["services"].items():
        options, command = said["options"], said["command"]
        assert isinstance(options, list)
        assert isinstance(command, list)
        yield Service(
            name=name,
            container=container_name(str(document["project"]), name),
            configuration=str(said["configuration"]),
            image=str(said["image"]),
            options=tuple(map(str, options)),
            command=tuple(map(str, command)),
            by_hand=bool(said["by_hand"]),
        )


def outline(container: str, image: str) -> Command:
    """Return the command that creates a container of which nothing else is written yet, to be shown alone."""
    return Command(("podman", "run", "--detach", "--replace", "--name", container, "...", image))


def start(containers: Sequence[str]) -> Command:
    """Return the command that starts containers that are there."""
    return Command(("podman", "start", *containers))


def stop(containers: Sequence[str]) -> Command:
    """Return the command that ends containers, which stay there."""
    return Command(("podman", "stop", *containers))


def remove(containers: Sequence[str]) -> Command:
    """Return the command that ends containers, as gently as they need it, and removes them."""
    return Command(("podman", "rm", "--force", "--ignore", "--time", _PATIENCE, *containers))


def inside(container: str, argv: Sequence[str], terminal: bool) -> Command:
    """Return the command that runs a program in a container."""
    return Command(("podman", "exec", "--interactive", *(["--tty"] if terminal else []), container, *argv))


def logs(
    containers: Sequence[str], follow: bool, lines: int | None, since: str | None, colour: bool, timestamps: bool
) -> Command:
    """Return the command that prints containers' logs, each line with its container's name."""
    options = (["--follow"] if follow else []) + (["--tail", str(lines)] if lines is not None else [])
    options += (["--since", since] if since else []) + (["--color"] if colour else [])
    options += ["--timestamps"] if timestamps else []
    return Command(("podman", "logs", "--names", *options, *containers))


def in_folder(folder: Path) -> tuple[str, ...]:
    """Return the options of a container in which a program works in a folder of the host, under the same path."""
    # Where `nvflare` looks for the kit to act with (nvflare/tool/kit/kit_config.py, 2.8 and newer).
    return (f"--volume={folder}:{folder}", f"--workdir={folder}", f"--env=NVFLARE_STARTUP_KIT_DIR={WORKSPACE}")
