"""The only room that starts processes. A command is argv as data; there is no shell."""

from __future__ import annotations

import contextlib
import os
import selectors
import shlex
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import IO, cast
from weakref import WeakSet

from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError, TookTooLong, WroteTooMuch
from composer.model.reporter import Reporter
from composer.system.signals import Signalled, handled

Echo = Callable[[str], None]
Process = subprocess.Popen[bytes]
_BLOCK = 1 << 20
# What a command may write that is run for its output, and how long a line may be of one that is not.
MOST = 1 << 26
_LONGEST = 1 << 16
# The commands that run now, in whatever thread.
_RUNNING: WeakSet[Process] = WeakSet()
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


def run(command: Command, timeout: float | None = None, stdin: bytes = b"", most: int = MOST) -> str:
    """Run a command to its end and return what it wrote to its standard output.

    Args:
        command: What to run.
        timeout: Seconds after which it is ended.
        stdin: What it reads from its standard input.
        most: Bytes that it may write to each of its outputs; it is ended when it writes more.

    Raises:
        CommandFailed: It ended with another status than 0.
        TookTooLong: It took longer than ``timeout``.
        WroteTooMuch: It wrote more than ``most``.
        ComposerError: It cannot be started.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with start_piped(command, subprocess.PIPE if stdin else subprocess.DEVNULL) as process:
        try:
            out, err = (text.decode("utf-8", "replace") for text in _converse(process, stdin, most, deadline))
            process.wait(_left(deadline))
        except subprocess.TimeoutExpired:
            process.kill()
            raise TookTooLong(
                f"`{command_line(command)}` did not end within {timeout:g} s", "see whether the engine answers"
            ) from None
        except _OverflowError:
            process.kill()
            raise WroteTooMuch(
                f"`{command_line(command)}` wrote more than {most // 1024} KiB", "run it by hand to see what it writes"
            ) from None
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        raise CommandFailed(command_line(command), process.returncode, err or out)
    return out


class _OverflowError(Exception):
    pass


def _converse(process: Process, stdin: bytes, most: int, deadline: float | None) -> list[bytes]:
    """Write to a process and read from it until both of its outputs end; return these."""
    said = {pipe: bytearray() for pipe in (process.stdout, process.stderr) if pipe}
    rest = memoryview(stdin)
    with selectors.DefaultSelector() as open_pipes:
        for pipe in said:
            open_pipes.register(pipe, selectors.EVENT_READ, said[pipe])
        if process.stdin:
            os.set_blocking(process.stdin.fileno(), False)
            open_pipes.register(process.stdin, selectors.EVENT_WRITE)
        while open_pipes.get_map():
            for key, _ in open_pipes.select(_left(deadline)):
                if key.data is None:
                    rest = rest[_written(key.fd, rest) :]
                    ended = not rest
                else:
                    block = os.read(key.fd, _BLOCK)
                    key.data.extend(block)
                    ended = not block
                if ended:
                    open_pipes.unregister(key.fileobj)
                    cast(IO[bytes], key.fileobj).close()
            if any(len(text) > most for text in said.values()):
                raise _OverflowError
    return [bytes(text) for text in said.values()]


def _written(descriptor: int, data: memoryview) -> int:
    """Write some of it and return how much; what nobody reads any more counts as written."""
    try:
        return os.write(descriptor, data[:_BLOCK])
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(data)


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise subprocess.TimeoutExpired((), 0)
    return left


def stream(command: Command, line: Callable[[str], None]) -> None:
    """Run a command without input, hand each line that it writes to ``line``, and wait for its end.

    Raises:
        CommandFailed: It ended with another status than 0; the last lines are kept in it.
        ComposerError: It cannot be started.
    """
    kept: deque[str] = deque(maxlen=40)
    try:
        process = subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment_of(command),
            cwd=command.folder,
            start_new_session=True,
        )
    except OSError as error:
        raise _cannot_start(command, error) from error
    _RUNNING.add(process)
    with process:
        assert process.stdout is not None
        try:
            for text in _lines(process.stdout):
                kept.append(text)
                line(text)
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        raise CommandFailed(command_line(command), process.returncode, "\n".join(kept))


def perform(command: Command, reporter: Reporter, dry_run: bool = False) -> None:
    """Run a command before the user's eyes, or only show it.

    Raises:
        CommandFailed: It ended with another status than 0.
    """
    reporter.command(command_line(command))
    if not dry_run:
        stream(command, reporter.output)


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """Yield lines as only a line feed ends them.

    What is too long is cut: the rest would look like a line that somebody else may have written.
    """
    while text := stream.readline(_LONGEST):
        rest = text
        while not rest.endswith(b"\n") and (rest := stream.readline(_LONGEST)):
            pass
        cut = "" if text.endswith(b"\n") or len(text) < _LONGEST else "…"
        yield text.removesuffix(b"\n").decode("utf-8", "replace") + cut


def end_running() -> None:
    """Ask all commands to end that other threads run; each thread then sees that its own has failed."""
    for process in tuple(_RUNNING):
        _ask_to_end(process)


def _ask_to_end(process: Process) -> None:
    # A command has a session of its own, so that a terminal's Ctrl-C is composer's alone to act on. What it has started
    # in turn is in that session, too.
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)


def _end(process: Process) -> None:
    """Have a process end in its own way. Docker's command, busy with a plugin of its own, may overhear it once."""
    for patience in (3, 2, 2, 30):
        _ask_to_end(process)
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
            env=environment_of(command),
            start_new_session=True,
        )
    except OSError as error:
        raise _cannot_start(command, error) from error


def start_piped(command: Command, stdin: int) -> Process:
    """Start a command whose outputs are pipes without buffers, so that closing one never waits for its reader.

    Args:
        command: What to start.
        stdin: ``subprocess.PIPE`` or ``DEVNULL``.

    Raises:
        ComposerError: It cannot be started.
    """
    environment, pipe = environment_of(command), subprocess.PIPE
    try:
        process = subprocess.Popen(
            command.argv,
            bufsize=0,
            stdin=stdin,
            stdout=pipe,
            stderr=pipe,
            env=environment,
            cwd=command.folder,
            start_new_session=True,
        )
    except OSError as error:
        raise _cannot_start(command, error) from error
    _RUNNING.add(process)
    return process


def attach(command: Command) -> int:
    """Run a command on composer's own terminal and streams and return its exit status.

    Raises:
        ComposerError: It cannot be started.
        Signalled: composer was to end meanwhile; the command was told, and has ended.
    """
    came: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def hand_on(number: int) -> None:
        # The terminal has sent a Ctrl-C to the command as well, and what that means is for the command to say.
        if number != signal.SIGINT:
            came.append(number)
            if process:
                process.send_signal(number)

    with handled(hand_on):
        try:
            process = subprocess.Popen(command.argv, env=environment_of(command), cwd=command.folder)
        except OSError as error:
            raise _cannot_start(command, error) from error
        if came:
            process.send_signal(came[0])
        status = _wait_for(process)
    if came:
        raise Signalled(came[0])
    return status if status >= 0 else 128 - status


def _wait_for(process: Process) -> int:
    """Wait in steps: a signal that comes as the system begins to wait is acted on only when it has ended to."""
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(1)


def environment_of(command: Command) -> dict[str, str]:
    """Return the environment in which a command is started: composer's own, the surroundings' and the command's."""
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
