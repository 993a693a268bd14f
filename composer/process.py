"""The only room that starts processes. A command is argv as data; there is no shell."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable

from composer.errors import CommandFailed, ComposerError
from composer.model import Command

Echo = Callable[[str], None]


def command_line(command: Command) -> str:
    """Return the command as one could type it."""
    return shlex.join(command.argv)


def run(command: Command, timeout: float | None = None) -> str:
    """Run a command to its end without input and return what it wrote to its standard output.

    Args:
        command: What to run.
        timeout: Seconds after which it is ended.

    Raises:
        CommandFailed: It ended with another status than 0.
        ComposerError: It cannot be started, or took longer than ``timeout``.
    """
    try:
        done = subprocess.run(
            command.argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
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
    if done.returncode:
        raise CommandFailed(command_line(command), done.returncode, done.stderr or done.stdout)
    return done.stdout


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
    for name, value in command.environment:
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
