"""The only room that starts processes. A command is argv as data; there is no shell."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from queue import Queue
from threading import Thread
from typing import IO

from composer.errors import CommandFailed, ComposerError
from composer.model import Command

Echo = Callable[[str], None]
Process = subprocess.Popen[bytes]
_BLOCK = 1 << 20
# zlib's for the largest window and gzip's head and tail.
_GZIP = 31
_SURROUNDINGS: ContextVar[Mapping[str, str | None]] = ContextVar("surroundings", default={})  # noqa: B039 - never changed


@contextlib.contextmanager
def surroundings(environment: Mapping[str, str | None]) -> Iterator[None]:
    """Give every command that this thread starts meanwhile these variables: with DOCKER_HOST, another engine."""
    token = _SURROUNDINGS.set(environment)
    try:
        yield
    finally:
        _SURROUNDINGS.reset(token)


def command_line(command: Command) -> str:
    """Return the command as one could type it."""
    return shlex.join(command.argv)


def run(command: Command, timeout: float | None = None, stdin: bytes = b"") -> str:
    """Run a command to its end and return what it wrote to its standard output.

    Args:
        command: What to run.
        timeout: Seconds after which it is ended.
        stdin: What it reads from its standard input.

    Raises:
        CommandFailed: It ended with another status than 0.
        ComposerError: It cannot be started, or took longer than ``timeout``.
    """
    try:
        done = subprocess.run(
            command.argv,
            input=stdin,
            capture_output=True,
            env=_environment(command),
            cwd=command.folder,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ComposerError(
            f"`{command_line(command)}` did not end within {timeout:g} s", "see whether the engine answers"
        ) from error
    except OSError as error:
        raise _cannot_start(command, error) from error
    out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    if done.returncode:
        raise CommandFailed(command_line(command), done.returncode, err or out)
    return out


def stream(command: Command, line: Callable[[str], None]) -> None:
    """Run a command without input, hand each line that it writes to ``line``, and wait for its end.

    Raises:
        CommandFailed: It ended with another status than 0; the last lines are kept in it.
        ComposerError: It cannot be started.
    """
    kept: list[str] = []
    try:
        process = subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=_environment(command),
            cwd=command.folder,
        )
    except OSError as error:
        raise _cannot_start(command, error) from error
    with process:
        assert process.stdout is not None
        try:
            for text in process.stdout:
                kept = [*kept[-39:], text]
                line(text.rstrip("\n"))
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        raise CommandFailed(command_line(command), process.returncode, "".join(kept))


def _end(process: subprocess.Popen[str]) -> None:
    """Have a process end in its own way. Docker's command, busy with a plugin of its own, may overhear it once."""
    for patience in (3, 2, 2, 30):
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()


def spawn(command: Command, stdin: int | None, stdout: int | None, stderr: int | None) -> Process:
    """Start a command on these file descriptors (None: nothing), in a session of its own: only its caller ends it.

    Raises:
        ComposerError: It cannot be started.
    """
    try:
        return subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.DEVNULL if stdout is None else stdout,
            stderr=subprocess.DEVNULL if stderr is None else stderr,
            env=_environment(command),
            start_new_session=True,
        )
    except OSError as error:
        raise _cannot_start(command, error) from error


def pour(source: Command, sinks: Sequence[Command], sent: Callable[[int], None]) -> tuple[CommandFailed | None, ...]:
    """Run a command and let all of ``sinks`` read what it writes, gzipped; return which of them failed, in their order.

    It is packed once for all of them, as fast as gzip can: beyond some 300 Mbit/s of line that is what takes the time.

    Args:
        source: What writes.
        sinks: What reads; one that ends early does not keep the others from reading on.
        sent: Told how many packed bytes there were, from time to time.

    Raises:
        CommandFailed: The source ended with another status than 0.
        ComposerError: Something cannot be started.
    """
    with _started(source, stdin=subprocess.DEVNULL) as reading, contextlib.ExitStack() as stack:
        readers = [_Sink(stack.enter_context(_started(sink, stdin=subprocess.PIPE)), sink) for sink in sinks]
        assert reading.stdout is not None
        total = 0
        for block in _gzipped(reading.stdout):
            total += len(block)
            sent(total)
            for reader in readers:
                reader.put(block)
        for reader in readers:
            reader.put(b"")
        _, said = reading.communicate()
        failures = tuple(reader.end() for reader in readers)
    if reading.returncode:
        raise CommandFailed(command_line(source), reading.returncode, said.decode("utf-8", "replace"))
    return failures


def _gzipped(source: IO[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(level=1, wbits=_GZIP)
    while block := source.read(_BLOCK):
        # While it still looks back and not out, there is nothing; an empty block would be the end.
        if packed := packer.compress(block):
            yield packed
    yield packer.flush()


def _started(command: Command, stdin: int) -> Process:
    try:
        pipe = subprocess.PIPE
        return subprocess.Popen(command.argv, stdin=stdin, stdout=pipe, stderr=pipe, env=_environment(command))
    except OSError as error:
        raise _cannot_start(command, error) from error


class _Sink:
    """Feeds a process from a thread of its own, so that the slowest of several has some slack."""

    def __init__(self, process: Process, command: Command) -> None:
        self._process, self._command = process, command
        self._queue: Queue[bytes] = Queue(maxsize=32)
        self._said = b""
        self._threads = [Thread(target=work, daemon=True) for work in (self._feed, self._listen)]
        for thread in self._threads:
            thread.start()

    def put(self, block: bytes) -> None:
        """Have it written some time; an empty one is the last."""
        self._queue.put(block)

    def end(self) -> CommandFailed | None:
        for thread in self._threads:
            thread.join()
        if self._process.wait():
            said = self._said.decode("utf-8", "replace")
            return CommandFailed(command_line(self._command), self._process.returncode, said)
        return None

    def _feed(self) -> None:
        assert self._process.stdin is not None
        whole = True
        while block := self._queue.get():
            if whole:
                try:
                    self._process.stdin.write(block)
                except OSError:
                    whole = False
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._process.stdout.read()
        self._said = self._process.stderr.read()


def attach(command: Command) -> int:
    """Run a command on composer's own terminal and streams and return its exit status.

    Raises:
        ComposerError: It cannot be started.
    """
    try:
        process = subprocess.Popen(command.argv, env=_environment(command), cwd=command.folder)
    except OSError as error:
        raise _cannot_start(command, error) from error
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The terminal has sent it to the command as well, and what it means is for the command to say.
            continue


def _environment(command: Command) -> dict[str, str]:
    environment = dict(os.environ)
    for name, value in (*_SURROUNDINGS.get().items(), *command.environment):
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    return environment


def _cannot_start(command: Command, error: OSError) -> ComposerError:
    program = command.argv[0]
    if isinstance(error, FileNotFoundError):
        return ComposerError(f"there is no `{program}` on this machine", f"install {program}, or put it on the PATH")
    return ComposerError(f"`{program}` cannot be started: {error.strerror}", f"see whether you may run {program}")
