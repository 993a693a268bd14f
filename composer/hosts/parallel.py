"""One call a host, all at once: what could be done is done, and what failed is named."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from composer.hosts.ssh import HostError
from composer.model.errors import ComposerError
from composer.model.kinds import LOCAL
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


class _Call(Generic[T]):
    def __init__(self, name: str, work: Callable[[str], T]) -> None:
        self._name, self._work = name, work
        self.value: T | None = None
        self.error: BaseException | None = None
        self._ended = threading.Event()
        # A thread that hangs on a host that is away must not keep composer from ending.
        threading.Thread(target=self._run, daemon=True).start()

    def wait(self, seconds: float | None) -> bool:
        """Wait so long for its end and tell whether it has ended, which an interrupted join does not (Python 3.12)."""
        return self._ended.wait(seconds)

    def _run(self) -> None:
        try:
            self.value = self._work(self._name)
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
        seconds: What takes longer counts as an error; None: all are waited for.
    """
    calls = {name: _Call(name, work) for name in names}
    deadline = None if seconds is None else time.monotonic() + seconds
    outcomes: dict[str, T | ComposerError] = {}
    try:
        for call in calls.values():
            call.wait(None if deadline is None else max(deadline - time.monotonic(), 0))
    except INTERRUPTS:
        # What is being changed is taken back only when nobody changes it any more.
        if deadline is None:
            end_running()
            for call in calls.values():
                call.wait(_PATIENCE)
        raise
    for name, call in calls.items():
        if not call.wait(0):
            outcomes[name] = HostError(
                f"{name}: it has not answered within {seconds:g} s", "see its load and its network"
            )
        elif isinstance(call.error, ComposerError):
            outcomes[name] = call.error
        elif isinstance(call.error, Exception) and name != LOCAL:
            # What another machine's engine answers may be anything, and must not hide how the others are.
            error = HostError(f"{name}: what its engine answered cannot be understood ({call.error!r:.200})", _LOOK)
            error.__cause__ = call.error
            outcomes[name] = error
        elif call.error is not None:
            raise call.error
        else:
            outcomes[name] = call.value  # type: ignore[assignment]
    return outcomes
