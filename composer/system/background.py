"""One thing done beside another: for what waits on a process or a host while there is work to do here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def in_background(task: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Run ``task`` in a thread of its own during the block; yield a function that waits for what it returns.

    Raises:
        Exception: What the task raised, when the block has ended; where the block fails, its own error.
    """
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(copy_context().run, task)
        yield future.result
        future.result()


@contextmanager
def tried_in_background(task: Callable[[], T]) -> Iterator[Callable[[], T | None]]:
    """Do the same as :func:`in_background` for what is only good to know: where ``task`` fails, it returns None."""

    def tried() -> T | None:
        with suppress(Exception):
            return task()
        return None

    with in_background(tried) as result:
        yield result
