"""SSH as the user has it: the plain ``ssh`` binary with their configuration, agent, jump hosts and known hosts.

One connection a host carries everything. It is never interactive: a host key that is not known, or a key that needs a
passphrase and is in no agent, ends it with what ssh says.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shlex
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from composer.hosts.tunnel import Tunnel
from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError, HostError, TookTooLong, WroteTooMuch
from composer.model.host import Host
from composer.render.templates import read_template
from composer.system.foreign_text import clean_line, clip
from composer.system.process import run, spawn
from composer.system.tail import Tail

CONNECT_SECONDS = 8
# Somebody may have to touch a hardware key; a host that accepts connections and says nothing is given up then.
_LOGIN_SECONDS = 60.0
_QUIET = ("-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_SECONDS}", "-o", "LogLevel=ERROR")
# What ~/.ssh/config may say of all hosts, and what would let a host act as the operator elsewhere, or read the screen.
_LEND_NOTHING = ("-o", "ForwardAgent=no", "-o", "ForwardX11=no", "-o", "PermitLocalCommand=no", "-o", "Tunnel=no")
# Bytes.
_LONGEST_PLACE = 64
# Bytes that a script there may write: a look names more files than any federation has.
_PIECE, _MOST = 1 << 16, {"look": 1 << 24, "remote/see": 1 << 24}
_SCRIPT_ENDED = 3
# A host that is cut off is known to be within 10 s, and not after minutes of TCP's own patience.
_ALIVE = ("-o", "ServerAliveInterval=3", "-o", "ServerAliveCountMax=3")
_MASTER = ("-T", "-o", "ControlMaster=yes", "-o", "ControlPersist=no", "-o", "ClearAllForwardings=yes")


class Connection:
    """An open SSH connection to a host. ``docker_host`` is what DOCKER_HOST must be for its engine."""

    def __init__(self, host: Host, destination: str, folder: Path) -> None:
        self.host = host
        self._destination = destination
        self._control = folder / "ssh"
        self._tunnel = Tunnel(folder / "docker.sock", self.command("docker", "system", "dial-stdio"))
        self.docker_host = self._tunnel.docker_host

    def command(self, *argv: str, terminal: bool = False) -> Command:
        """Return the command that runs ``argv`` there, on this terminal if it needs one."""
        session = ("-o", "ControlMaster=no", "-S", str(self._control), "-o", "ClearAllForwardings=yes")
        return Command(
            ("ssh", "-t" if terminal else "-T", *_QUIET, *_LEND_NOTHING, *session, self._destination, shlex.join(argv))
        )

    def script(self, name: str, *arguments: str, stdin: bytes = b"", timeout: float = 60) -> str:
        """Run a script of ``dockerfiles/remote/`` there and return what it wrote.

        Raises:
            HostError: It failed, or the connection did, or it wrote more than it ever does.
        """
        program = f'eval "$(printf %s {_one_line(f"remote/{name}.sh")} | base64 -d)"'
        command = self.command("sh", "-c", program, "composer", *arguments)
        return self._said(command, timeout, stdin, _MOST.get(name, _PIECE))

    def program(self, name: str, *arguments: str, timeout: float = 30) -> str:
        """Run a Python program of ``dockerfiles/`` there and return what it wrote.

        Raises:
            HostError: As for :meth:`script`.
        """
        program = f'import base64; exec(base64.b64decode("{_one_line(f"{name}.py")}"))'
        command = self.command("python3", "-I", "-S", "-c", program, *arguments)
        return self._said(command, timeout, b"", _MOST.get(name, _PIECE))

    def _said(self, command: Command, timeout: float, stdin: bytes, most: int) -> str:
        try:
            return run(command, timeout, stdin, most)
        except CommandFailed as error:
            raise explain(self.host, error.returncode, error.stderr) from error
        except WroteTooMuch as error:
            raise says_something_else(self.host) from error
        except TookTooLong as error:
            raise HostError(
                f"{self.host.name} has not answered within {timeout:g} s", "see its load and its network"
            ) from error
        except ComposerError as error:
            raise HostError(f"{self.host.name}: {error.message}", error.hint) from error

    def close(self) -> None:
        """End what goes through it."""
        self._tunnel.close()


@contextlib.contextmanager
def connection(host: Host) -> Iterator[Connection]:
    """Connect to a host for the time of the block.

    Raises:
        HostError: It cannot be reached, or does not let us in.
    """
    destination = _destination(host)
    with tempfile.TemporaryDirectory(prefix="composer-", dir=_place_of_sockets()) as name:
        folder = Path(name)
        with _master(host, destination, folder):
            opened = Connection(host, destination, folder)
            try:
                yield opened
            finally:
                opened.close()


def _one_line(template: str) -> str:
    """Return a template as one word: some login shells, csh's kin, allow no line end within quotes."""
    return base64.b64encode(read_template(template)).decode()


def _place_of_sockets() -> str:
    """Return where sockets can lie: their paths have 108 bytes at most, and ssh adds some to what it is told."""
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) <= _LONGEST_PLACE else "/tmp"  # noqa: S108 - a private folder is made there


@contextlib.contextmanager
def _master(host: Host, destination: str, folder: Path) -> Iterator[None]:
    control = folder / "ssh"
    # It lasts as long as `cat` has something to wait for: nothing of it outlives composer, however that ends.
    command = Command(("ssh", *_QUIET, *_LEND_NOTHING, *_ALIVE, *_MASTER, "-S", str(control), destination, "cat"))
    reading, writing = os.pipe()
    errors, said = os.pipe()
    words = Tail(os.fdopen(errors, "rb", buffering=0))
    try:
        process = spawn(command, reading, None, said)
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(said)
        os.close(reading)
    deadline = time.monotonic() + _LOGIN_SECONDS
    try:
        while not control.exists():
            if process.poll() is not None:
                raise explain(host, 255, words.text())
            if time.monotonic() > deadline:
                raise HostError(f"{host.name}: it has not let us in within {_LOGIN_SECONDS:g} s", f"try: {_ssh(host)}")
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


# What composer's own scripts there end with, and what to do about it: a host never says that itself.
_SAID = (
    (
        r"there is no (docker|tar|sha256sum|bash|python3) for \S+",
        "install it there, or put it on the PATH of commands run over SSH",
    ),
    (r"\S+ may not write in \S.*", "there, make {path} and give it to the user of {to}"),
    (r"what arrived in \S.* is not what was sent", "try again"),
    (r"\S.* is not a folder that composer has made", "delete it there by hand, if nobody needs it"),
)


def explain(host: Host, status: int, stderr: str) -> HostError:
    """Return what ssh, or a script that ran there, has said in a user's words.

    The host may write whatever it likes, so only its last line is shown, as one line, and what to do is composer's own.
    """
    lines = [line for line in (clean_line(line).strip() for line in stderr.split("\n")) if line]
    known = {"to": host.endpoint, "host": host.name, "path": host.path}
    for text, cause, hint in _CAUSES:
        if any(text in line for line in lines):
            return HostError(f"{host.name}: {cause}", hint.format(**known))
    last = lines[-1] if lines else f"it ended with status {status}"
    cause = last.partition(": ")[0] if status == _SCRIPT_ENDED else last
    hints = (hint for pattern, hint in _SAID if status == _SCRIPT_ENDED and re.fullmatch(pattern, cause))
    return HostError(f"{host.name}: {clip(cause, 200)}", next(hints, f"try: {_ssh(host)}").format(**known))


def says_something_else(host: Host) -> HostError:
    """Return what is wrong with a host that does not answer what composer's scripts there answer."""
    return HostError(
        f"{host.name}: its shell answers with something else than was asked for",
        f"see what `{_ssh(host)} true` prints, and take that out of its login scripts",
    )


def _ssh(host: Host) -> str:
    return f"ssh {host.endpoint}"
