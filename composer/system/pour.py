"""What one command writes, read by several."""

from __future__ import annotations

import contextlib
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, Full, Queue
from threading import Thread
from typing import IO

from composer.model.command import Command
from composer.model.errors import CommandFailed
from composer.system.process import Process, command_line, start_piped
from composer.system.tail import Tail

_BLOCK, _PIECE = 1 << 20, 1 << 16
# zlib's for the largest window and gzip's head and tail.
_GZIP = 31
# Seconds after which one that takes nothing is given up, and one that has been given all and does not end.
_STALLED, _LOADING = 300.0, 1800.0
_LOOK = 1.0


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
    with contextlib.ExitStack() as stack:
        reading = stack.enter_context(start_piped(source, stdin=subprocess.DEVNULL))
        # Whatever goes wrong, processes end before their pipes are closed: to close one waits for who uses it.
        stack.callback(reading.kill)
        assert reading.stdout is not None
        assert reading.stderr is not None
        said = Tail(reading.stderr)
        readers = []
        for sink in sinks:
            process = stack.enter_context(start_piped(sink, stdin=subprocess.PIPE))
            stack.callback(process.kill)
            readers.append(_Sink(process, sink))
        total = 0
        for block in _gzipped(reading.stdout):
            total += len(block)
            sent(total)
            for reader in readers:
                reader.put(block)
        for reader in readers:
            reader.put(b"")
        failures = tuple(reader.end() for reader in readers)
        if reading.wait():
            raise CommandFailed(command_line(source), reading.returncode, said.text())
    return failures


def _gzipped(source: IO[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(level=1, wbits=_GZIP)
    while block := source.read(_BLOCK):
        # While it still looks back and not out, there is nothing; an empty block would be the end.
        if packed := packer.compress(block):
            yield packed
    yield packer.flush()


class _Sink:
    """Feeds a process from a thread of its own, so that the slowest of several has some slack.

    One that takes nothing for long is ended: it would keep the others waiting.
    """

    def __init__(self, process: Process, command: Command) -> None:
        self._process, self._command = process, command
        self._queue: Queue[bytes] = Queue(maxsize=32)
        self._gone = self._stalled = False
        self._moved = time.monotonic()
        assert process.stdout is not None
        assert process.stderr is not None
        self._said = [Tail(pipe) for pipe in (process.stdout, process.stderr)]
        self._thread = Thread(target=self._feed, daemon=True)
        self._thread.start()

    def put(self, block: bytes) -> None:
        """Have it written some time; an empty one is the last."""
        while not self._gone:
            try:
                self._queue.put(block, timeout=_LOOK)
            except Full:
                self._give_up_after(_STALLED)
            else:
                return

    def end(self) -> CommandFailed | None:
        while not self._gone and self._thread.is_alive():
            self._thread.join(_LOOK)
            self._give_up_after(_STALLED)
        while self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LOOK)
            self._give_up_after(_LOADING)
        if self._stalled:
            said = f"it took nothing for {time.monotonic() - self._moved:.0f} s"
            return CommandFailed(command_line(self._command), self._process.returncode, said)
        if self._process.returncode:
            said = self._said[1].text()
            return CommandFailed(command_line(self._command), self._process.returncode, said)
        return None

    def _give_up_after(self, seconds: float) -> None:
        if not self._stalled and time.monotonic() - self._moved > seconds:
            self._gone = self._stalled = True
            self._process.kill()

    def _feed(self) -> None:
        assert self._process.stdin is not None
        # When somebody else's failure has ended the process, nothing comes any more.
        while self._process.returncode is None:
            try:
                block = self._queue.get(timeout=_LOOK)
                if not block:
                    break
                self._write(memoryview(block))
            except Empty:
                continue
            except (OSError, ValueError):
                self._gone = True
                break
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _write(self, rest: memoryview) -> None:
        assert self._process.stdin is not None
        while rest:
            rest = rest[self._process.stdin.write(rest[:_PIECE]) :]
            self._moved = time.monotonic()
