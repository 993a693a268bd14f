"""One call a host, all at once: what could be done is done, and what failed is named."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar, cast

from composer.model.errors import ComposerError, HostError
from composer.model.kinds import LOCAL
from composer.runtimes.engine_failures import EngineFailed
from composer.system.foreign_text import clip
from composer.system.process import end_running
from composer.system.signals import INTERRUPTS

T = TypeVar("T")
_PATIENCE = 30.0
_LOOK = "see there what `docker info` and `docker ps` say"


class HostsFailed(ComposerError):
    """Something could not be done on some of the hosts; on the others it was."""

    def __init__(self, failures: Mapping[str, ComposerError]) -> None:
        first = next(iter(failures.values()))
        super().__init__("\n".join(error.message for error in failures.values()), first.hint)


def failure_of(failures: Mapping[str, ComposerError]) -> ComposerError:
    """Return what to raise for what went wrong, by host."""
    return next(iter(failures.values())) if len(failures) == 1 else HostsFailed(failures)


class _Call(Generic[T]):
    def __init__(self, name: str) -> None:
        self._name = name
        self.value: T | None = None
        self.error: BaseException | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def begun(self) -> bool:
        """Whether anybody works: an interrupt may come before."""
        return self._thread is not None and self._thread.ident is not None

    def begin(self, work: Callable[[str], T]) -> None:
        # A thread that hangs on a host that is away must not keep composer from ending.
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def wait(self, seconds: float | None) -> bool:
        """Wait so long for its end and tell whether it has ended, which an interrupted join does not (Python 3.12)."""
        return self._ended.wait(seconds)

    def outcome(self, seconds: float | None) -> T | ComposerError:
        """Return what came out, or what went wrong; ``seconds`` it had time."""
        if not self.wait(0):
            return HostError(f"{self._name}: it has not answered within {seconds:g} s", "see its load and its network")
        if isinstance(self.error, EngineFailed) and self._name != LOCAL:
            error = HostError(f"{self._name}: its Docker engine {clip(self.error.what, 200)}", _LOOK)
            error.__cause__ = self.error
            return error
        if isinstance(self.error, ComposerError):
            return self.error
        if isinstance(self.error, Exception) and self._name != LOCAL:
            # What another machine's engine answers may be anything, and must not hide how the others are.
            said = f"{self._name}: what its engine answered cannot be understood ({self.error!r:.200})"
            error = HostError(said, _LOOK)
            error.__cause__ = self.error
            return error
        if self.error is not None:
            raise self.error
        return cast("T", self.value)

    def _run(self, work: Callable[[str], T]) -> None:
        try:
            self.value = work(self._name)
        except BaseException as error:
            self.error = error
        self._ended.set()


def on_each(
    names: Sequence[str], work: Callable[[str], T], seconds: float | None = None
) -> dict[str, T | ComposerError]:
    """Call ``work`` with each name in a thread of its own and return, by name, what came out or what went wrong.

    Args:
        names: Of hosts.
        work: What is to be done for one.
        seconds: What takes longer counts as an error, but for this machine alone; None: all are waited for.
    """
    if tuple(names) == (LOCAL,):
        return _here(work)
    calls: dict[str, _Call[T]] = {}
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        for name in names:
            calls[name] = _Call(name)
            calls[name].begin(work)
        for call in calls.values():
            call.wait(None if deadline is None else max(deadline - time.monotonic(), 0))
    except INTERRUPTS:
        # What is being changed is taken back only when nobody changes it any more.
        if deadline is None:
            end_running()
            for call in calls.values():
                call.wait(_PATIENCE if call.begun else 0)
        raise
    return {name: call.outcome(seconds) for name, call in calls.items()}


def _here(work: Callable[[str], T]) -> dict[str, T | ComposerError]:
    """In this thread: another one would only stand between the work and a signal, which is to end it."""
    try:
        return {LOCAL: work(LOCAL)}
    except ComposerError as error:
        return {LOCAL: error}
