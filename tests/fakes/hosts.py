"""Several hosts in memory: what runs there is a fake, what is delivered there is not.

Each host is a folder here to which the real scripts deliver, run by a shell instead of one behind SSH.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pytest

from composer.deployment.manifest import Manifest
from composer.hosts import across, watch
from composer.hosts.delivery import look
from composer.hosts.places import Place, Places
from composer.hosts.ssh import HostError, explain
from composer.model import LOCAL, Host
from composer.model.errors import ComposerError
from composer.render.far import host_folder
from tests.conftest import ROOT
from tests.fakes.lifecycle import InMemory, Memory


class Shell:
    """Stands for a :class:`composer.hosts.ssh.Connection`: runs the scripts here."""

    docker_host = "unix:///nowhere"

    def __init__(self, root: Path, shell: str = "sh", name: str = "ward") -> None:
        self.host = Host(name, "10.0.0.2", f"ssh://{name}", PurePosixPath(root))
        self._shell = shell

    def script(self, name: str, *arguments: str, stdin: bytes = b"", timeout: float = 60) -> str:
        path = ROOT / "dockerfiles" / "remote" / f"{name}.sh"
        done = subprocess.run(
            [self._shell, path, *arguments], input=stdin, capture_output=True, timeout=timeout, check=False
        )
        if done.returncode:
            raise explain(self.host, done.returncode, done.stderr.decode())
        return done.stdout.decode()


class NoEngine:
    """An engine on which nothing is."""

    def containers_of(self, deployment: Path) -> tuple[()]:
        return ()

    def containers(self, compose_project: str) -> tuple[()]:
        return ()

    def built_images(self) -> dict[str, object]:
        return {}

    def remove_untagged(self) -> None:
        pass


@dataclass
class World:
    """Hosts by name; those in ``away`` cannot be reached. ``sent`` is what :func:`transfer` was asked for."""

    folder: Path
    memories: dict[str, Memory] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    sent: list[str] = field(default_factory=list)
    refuses: dict[str, ComposerError] = field(default_factory=dict)

    @property
    def running(self) -> dict[str, set[str]]:
        return {name: memory.running for name, memory in self.memories.items()}

    def path(self, name: str) -> Path:
        return self.folder / name

    def delivered(self, name: str) -> set[str]:
        return {str(path.relative_to(self.path(name))) for path in self.path(name).rglob("*") if path.is_file()}

    @contextmanager
    def places(
        self, manifest: Manifest, deployment: Path, seconds: float | None = None, names: Sequence[str] | None = None
    ) -> Iterator[Places]:
        """Stands for :func:`composer.hosts.places.places`."""
        opened = Places({})
        for name in dict.fromkeys(one.host for one in manifest.participants):
            if names is not None and name not in names:
                continue
            if name in self.away:
                opened.away[name] = HostError(f"{name}: nobody listens on its SSH port", "start it")
                continue
            folder = deployment if name == LOCAL else host_folder(deployment, name)
            lifecycle, part = InMemory(self.memories[name], folder), manifest.on(name)
            shell = None if name == LOCAL else Shell(self.path(name), name=name)
            found = look(shell) if shell else None
            opened.reached[name] = Place(name, lifecycle, NoEngine(), part, folder, shell, found)
        yield opened

    def transfer(self, engine: object, receivers: Sequence[object], say: Callable[[str], None]) -> dict[str, object]:
        """Stands for :func:`composer.hosts.transfer.transfer`."""
        names = [receiver.connection.host.name for receiver in receivers]
        self.sent += names
        return {name: self.refuses[name] for name in names if name in self.refuses}


def install(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let composer see the hosts of ``world`` in place of real ones."""
    monkeypatch.setattr(across, "places", world.places)
    monkeypatch.setattr(watch, "places", world.places)
    monkeypatch.setattr(across, "connect", NoEngine)
    monkeypatch.setattr(across, "transfer", world.transfer)
