"""SSH as the user has it: the plain ``ssh`` binary with their configuration, agent, jump hosts and known hosts.

One connection a host carries everything. It is never interactive: a host key that is not known, or a key that needs a
passphrase and is in no agent, ends it with what ssh says.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from composer.errors import CommandFailed, ComposerError
from composer.model import Command, Host
from composer.process import run, spawn
from composer.remote.tunnel import Tunnel
from composer.render.templates import read_template

CONNECT_SECONDS = 8
_QUIET = ("-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_SECONDS}", "-o", "LogLevel=ERROR")
# A host that is cut off is known to be within 10 s, and not after minutes of TCP's own patience.
_ALIVE = ("-o", "ServerAliveInterval=3", "-o", "ServerAliveCountMax=3")
_MASTER = ("-T", "-o", "ControlMaster=yes", "-o", "ControlPersist=no", "-o", "ClearAllForwardings=yes")


class HostError(ComposerError):
    """Something went wrong on a host, which the message names."""


class Connection:
    """An open SSH connection to a host. ``docker_host`` is what DOCKER_HOST must be for its engine."""

    def __init__(self, host: Host, destination: str, folder: Path) -> None:
        self.host = host
        self._destination = destination
        self._control = folder / "ssh"
        self._tunnel = Tunnel(folder / "docker.sock", self.command("docker", "system", "dial-stdio"))
        self.docker_host = self._tunnel.docker_host

    def command(self, *argv: str) -> Command:
        """Return the command that runs ``argv`` there."""
        session = ("-o", "ControlMaster=no", "-S", str(self._control), "-o", "ClearAllForwardings=yes")
        return Command(("ssh", "-T", *_QUIET, *session, self._destination, shlex.join(argv)))

    def script(self, name: str, *arguments: str, stdin: bytes = b"", timeout: float = 60) -> str:
        """Run a script of ``dockerfiles/remote/`` there and return what it wrote.

        Raises:
            HostError: It failed, or the connection did.
        """
        text = read_template(f"remote/{name}.sh").decode()
        try:
            return run(self.command("sh", "-c", text, "composer", *arguments), timeout, stdin)
        except CommandFailed as error:
            raise explain(self.host, error.returncode, error.stderr) from error
        except ComposerError as error:
            raise HostError(
                f"{self.host.name} has not answered within {timeout:g} s", "see its load and its network"
            ) from error

    def close(self) -> None:
        """End what goes through it."""
        self._tunnel.close()


@contextlib.contextmanager
def connection(host: Host) -> Iterator[Connection]:
    """Lend a connection to a host.

    Raises:
        HostError: It cannot be reached, or does not let us in.
    """
    destination = _destination(host)
    with tempfile.TemporaryDirectory(prefix="composer-") as name:
        folder = Path(name)
        with _master(host, destination, folder):
            opened = Connection(host, destination, folder)
            try:
                yield opened
            finally:
                opened.close()


@contextlib.contextmanager
def _master(host: Host, destination: str, folder: Path) -> Iterator[None]:
    control, errors = folder / "ssh", folder / "errors"
    # It lasts as long as `cat` has something to wait for: nothing of it outlives composer, however that ends.
    command = Command(("ssh", *_QUIET, *_ALIVE, *_MASTER, "-S", str(control), destination, "cat"))
    reading, writing = os.pipe()
    with errors.open("wb") as log:
        process = spawn(command, reading, None, log.fileno())
    os.close(reading)
    try:
        while not control.exists():
            if process.poll() is not None:
                raise explain(host, 255, errors.read_text(errors="replace"))
            time.sleep(0.01)
        yield
    finally:
        os.close(writing)
        process.terminate()
        process.wait()


def _destination(host: Host) -> str:
    if not host.endpoint.startswith("context://"):
        return host.endpoint
    name = host.endpoint.removeprefix("context://")
    try:
        found = run(
            Command(("docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}", name)), 30
        ).strip()
    except CommandFailed as error:
        raise HostError(f"{host.name}: there is no Docker context {name}", "see docker context ls") from error
    if not found.startswith("ssh://"):
        raise HostError(
            f"{host.name}: the Docker context {name} leads to {found}, and kits travel over SSH only",
            "use a context of the form ssh://USER@HOST",
        )
    return found


_NO_ROUTE = "see whether it is up, and the network to it"
_NO_ROOM = "make room where {path} is"
# What ssh and the tools on a host say, what that means, and what to do.
_CAUSES = (
    (
        "Host key verification failed",
        "its SSH host key is not the one that is known",
        "if it is a new host, log in once by hand: ssh {to}; else find out who answers there",
    ),
    ("Permission denied (", "it does not let us in", "try: ssh {to}; a key with a passphrase must be in ssh-agent"),
    ("Could not resolve", "its name does not resolve", "correct hosts.{host}.endpoint in composer.yml"),
    ("Connection refused", "nobody listens on its SSH port", "see whether its SSH server runs"),
    ("timed out", "it does not answer", _NO_ROUTE),
    ("No route to host", "it does not answer", _NO_ROUTE),
    ("No space left on device", "its disk is full", _NO_ROOM),
    ("Disk quota exceeded", "its disk is full", _NO_ROOM),
)


def explain(host: Host, status: int, stderr: str) -> HostError:
    """Return what ssh, or a script that ran there, has said in a user's words."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    for text, cause, hint in _CAUSES:
        if any(text in line for line in lines):
            known = {"to": host.endpoint, "host": host.name, "path": host.path}
            return HostError(f"{host.name}: {cause}", hint.format(**known))
    last = lines[-1] if lines else f"it ended with status {status}"
    cause, _, hint = last.partition(": ") if status == 3 else (last, "", f"try: ssh {host.endpoint}")
    return HostError(f"{host.name}: {cause}", hint)
