"""Calls to several hosts at once: what an interrupt leaves behind, and what takes too long."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from composer.hosts import parallel
from composer.hosts.parallel import on_each
from composer.model.errors import ComposerError, HostError
from composer.model.kinds import LOCAL
from composer.system.signals import Signalled, handled


def interrupt(number: int) -> None:
    raise Signalled(number) if number != signal.SIGINT else KeyboardInterrupt


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_comes_out_only_when_nobody_works_any_more(number: int) -> None:
    """Else what is taken back then would be done once more behind it. Python's own join does not wait a second time."""
    begun, told = threading.Event(), threading.Event()
    started: list[str] = []
    ended: list[str] = []

    def work(name: str) -> None:
        started.append(name)
        if name == "ward":
            begun.set()
            told.wait(30)
            time.sleep(0.2)
        ended.append(name)

    def interrupt_it() -> None:
        begun.wait(30)
        os.kill(os.getpid(), number)

    def come(came: int) -> None:
        told.set()
        interrupt(came)

    threading.Thread(target=interrupt_it).start()
    with handled(come), pytest.raises((KeyboardInterrupt, Signalled)):
        on_each(("ward", "clinic"), work)
    # It may have come before the second one began: then that never does.
    assert "ward" in ended
    assert sorted(ended) == sorted(started)


def test_one_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_PATIENCE", 0.1)
    forever = threading.Event()
    outcomes = on_each(("ward", "clinic"), lambda name: forever.wait() if name == "ward" else name, seconds=0.2)
    forever.set()
    assert outcomes["clinic"] == "clinic"
    assert isinstance(outcomes["ward"], HostError)
    assert "ward: it has not answered within 0.2 s" in outcomes["ward"].message


def test_what_a_host_answers_may_be_anything_and_a_fault_here_is_one() -> None:
    def fail(name: str) -> None:
        raise KeyError(name) if name != "known" else ComposerError("its disk is full", "make room")

    outcomes = on_each(("ward", "known"), fail)
    assert "cannot be understood" in str(outcomes["ward"])
    assert str(outcomes["known"]) == "its disk is full"
    with pytest.raises(KeyError):
        on_each(("ward", LOCAL), fail)
