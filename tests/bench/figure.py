"""A figure of the benchmark: samples of ours and of what a user would have instead, taken in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """What was measured.

    Attributes:
        name: What is measured.
        ours: Composer's samples.
        against: What the reference is; empty where the target is absolute.
        reference: Its samples, of the same unit.
        target: What the ratio of the medians, or without a reference our median, may be at most.
        unit: Of the samples.
        note: What else a reader must know.
        why: Said where the target is missed.
    """

    name: str
    ours: tuple[float, ...]
    target: float
    against: str = ""
    reference: tuple[float, ...] = ()
    unit: str = "s"
    note: str = ""
    why: str = ""

    @property
    def value(self) -> float:
        """What is held against the target."""
        median = statistics.median(self.ours)
        return median / statistics.median(self.reference) if self.reference else median

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.value <= self.target

    def cells(self) -> tuple[str, ...]:
        """The row of the table: name, ours, reference, ratio, target, verdict."""
        sign = " ×" if self.reference else f" {self.unit}".rstrip()
        missed = f"missed by {100 * (self.value / self.target - 1):.0f} %" + (f": {self.why}" if self.why else "")
        return (
            self.name,
            _spread(self.ours, self.unit),
            f"{_spread(self.reference, self.unit)} {self.against}" if self.reference else "",
            f"{self.value:.2f} ×" if self.reference else "",
            f"≤ {self.target:g}{sign}",
            ("met" if self.met else missed) + (f"; {self.note}" if self.note else ""),
        )


COLUMNS = ("figure", "composer", "reference", "ratio", "target", "")


def _spread(samples: tuple[float, ...], unit: str) -> str:
    median = statistics.median(samples)
    digits = 0 if median >= 100 or not unit else 1 if median >= 10 else 2 if median >= 0.1 else 3
    text = f"{median:.{digits}f} {unit}".rstrip()
    if len(samples) > 1:
        text += f" ({min(samples):.{digits}f}–{max(samples):.{digits}f})"
    return text


class Stopwatch:
    """Seconds of a block, or of its part before ``stop``."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.seconds = 0.0

    def stop(self) -> None:
        """End the measuring; what comes after counts no more."""
        self.seconds = self.seconds or time.perf_counter() - self._began


@contextmanager
def timed() -> Iterator[Stopwatch]:
    """Measure a block."""
    watch = Stopwatch()
    yield watch
    watch.stop()


def seconds(function: Callable[[], object]) -> float:
    """How long a call takes."""
    with timed() as watch:
        function()
    return watch.seconds


def until(holds: Callable[[], bool], limit: float = 300, tick: float = 0.01) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + limit
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit:g} s")
        time.sleep(tick)
