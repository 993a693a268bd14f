"""Several hosts in memory: what runs there is a fake, what is delivered there is not.

Each host is a folder here to which the real scripts deliver, run by a shell instead of one behind SSH.
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pytest

from composer.hosts import bringing, remote
from composer.hosts.ssh import explain
from composer.hosts.traces import There
from composer.hosts.transfer import Receiver
from composer.model.command import Command
from composer.model.errors import ComposerError, HostError
from composer.model.host import Host
from composer.model.kinds import LOCAL, RuntimeName
from composer.model.reporter import SILENT, Reporter
from composer.runtimes import docker, docker_lifecycle, occupant
from composer.runtimes.docker_lifecycle import DockerLifecycle
from composer.runtimes.lifecycle import Elsewhere, Lifecycle
from composer.system.process import environment_of
from tests.conftest import ROOT
from tests.fakes.engine import MemoryEngine
from tests.fakes.lifecycle import InMemory, Memory


class Shell:
    """Stands for a :class:`composer.hosts.ssh.Connection`: runs the scripts here."""

    def __init__(self, root: Path, shell: str = "sh", name: str = "ward") -> None:
        self.host = Host(name, "10.0.0.2", f"ssh://{name}", PurePosixPath(root))
        self.docker_host, self._shell = f"memory://{name}", shell

    def command(self, *argv: str, terminal: bool = False) -> Command:
        return Command(argv)

    def program(self, name: str, *arguments: str, timeout: float = 30) -> str:
        path = ROOT / "dockerfiles" / f"{name}.py"
        done = subprocess.run(
            [sys.executable, "-I", "-S", path, *arguments], capture_output=True, timeout=timeout, check=True
        )
        return done.stdout.decode()

    def script(self, name: str, *arguments: str, stdin: bytes = b"", timeout: float = 60) -> str:
        path = ROOT / "dockerfiles" / "remote" / f"{name}.sh"
        done = subprocess.run(
            [self._shell, path, *arguments], input=stdin, capture_output=True, timeout=timeout, check=False
        )
        if done.returncode:
            raise explain(self.host, done.returncode, done.stderr.decode())
        return done.stdout.decode()


@dataclass
class World:
    """Hosts by name.

    Attributes:
        folder: Below which each host has its folder.
        memories: What runs on each, where the runtime is a fake; empty: the runtime for Docker runs on ``engines``.
        engines: Their engines.
        away: Those that cannot be reached.
        sent: The hosts that :func:`transfer` was asked to bring images to.
        refuses: What goes wrong there when they are.
    """

    folder: Path
    memories: dict[str, Memory] = field(default_factory=dict)
    engines: dict[str, MemoryEngine] = field(default_factory=lambda: defaultdict(MemoryEngine))
    away: set[str] = field(default_factory=set)
    sent: list[str] = field(default_factory=list)
    refuses: dict[str, ComposerError] = field(default_factory=dict)

    @property
    def running(self) -> dict[str, set[str]]:
        if self.memories:
            return {name: memory.running for name, memory in self.memories.items()}
        return {name: engine.running() for name, engine in self.engines.items()}

    def path(self, name: str) -> Path:
        return self.folder / name

    def delivered(self, name: str) -> set[str]:
        """All files in the folder of the only federation there is on a host."""
        (folder,) = self.path(name).glob("*") if self.path(name).exists() else [self.path(name)]
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    def lifecycle(self, name: str, folder: Path) -> Lifecycle:
        """How participants are started and stopped on a host."""
        if self.memories:
            return InMemory(self.memories[name], folder)
        engine = self.engines[name]
        return DockerLifecycle(folder, engine, None if name == LOCAL else There(engine))

    def lifecycle_there(self, runtime: RuntimeName, folder: Path, elsewhere: Elsewhere) -> Lifecycle:
        """Stands for :func:`composer.runtimes.lifecycle.lifecycle_of` on another host."""
        if runtime == "docker":
            elsewhere.engine()
        return self.lifecycle(folder.name, folder)

    @contextmanager
    def connection(self, host: Host) -> Iterator[Shell]:
        """Stands for :func:`composer.hosts.ssh.connection`."""
        if host.name in self.away:
            raise HostError(f"{host.name}: nobody listens on its SSH port", "start it")
        yield Shell(Path(host.path), name=host.name)

    def run(self, command: Command, timeout: float | None = None) -> str:
        """Stands for :func:`composer.system.process.run`: Docker's commands go to the engine of their surroundings."""
        return self._engine(command).run(command)

    def perform(self, command: Command, reporter: Reporter = SILENT, dry_run: bool = False) -> None:
        """Stands for :func:`composer.system.process.perform`."""
        self._engine(command).perform(command, reporter, dry_run)

    def _engine(self, command: Command) -> MemoryEngine:
        where = environment_of(command).get("DOCKER_HOST", "")
        return self.engines[where.removeprefix("memory://") if where.startswith("memory://") else LOCAL]

    def transfer(self, engine: object, receivers: Sequence[Receiver], say: Callable[[str], None]) -> dict[str, object]:
        """Stands for :func:`composer.hosts.transfer.transfer`."""
        names = [receiver.name for receiver in receivers]
        self.sent += names
        for receiver in receivers:
            if receiver.name not in self.refuses:
                images = {one.image: one.inputs for one in receiver.manifest.participants}
                self.engines[receiver.name].images.update(images)
        return {name: self.refuses[name] for name in names if name in self.refuses}


def install(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let composer see the hosts of ``world`` in place of real ones."""
    monkeypatch.setattr(remote, "connection", world.connection)
    monkeypatch.setattr(remote, "engine_of", lambda opened: world.engines[opened.host.name])
    monkeypatch.setattr(remote, "lifecycle_of", world.lifecycle_there)
    for module in (docker, docker_lifecycle, occupant):
        monkeypatch.setattr(module, "run", world.run)
    monkeypatch.setattr(docker_lifecycle, "perform", world.perform)
    for module in (bringing, docker_lifecycle):
        monkeypatch.setattr(module, "connect", lambda: world.engines[LOCAL])
    monkeypatch.setattr(bringing, "transfer", world.transfer)
