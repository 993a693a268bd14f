"""Sleeps for programs under libfaketime, which gives time.sleep an instant before now when the clock is set back."""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
