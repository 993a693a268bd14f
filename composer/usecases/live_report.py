"""The report of a federation as it is now, for browsers on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from composer.usecases.report import report

if TYPE_CHECKING:
    from composer.model.report import Report
    from composer.usecases.inputs import Inputs

_SECONDS = 10
# Two who ask at once are shown the same.
_FRESH_SECONDS = 3.0
# `doctor` tries ports and asks hosts, and `check` reads all kits: that is not for every ten seconds.
_FINDINGS_SECONDS = 300.0


class LiveReport:
    """What was found out last; one looks at a time."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._lock = Lock()
        self._seen: Report | None = None
        self._looked = self._examined = 0.0

    def now(self) -> Report:
        """Return what is seen now, or was a moment ago.

        Raises:
            ComposerError: As for :func:`composer.usecases.report.report`.
        """
        with self._lock:
            now = time.monotonic()
            if self._seen and now - self._looked <= _FRESH_SECONDS:
                return self._seen
            known = self._seen.findings if self._seen and now - self._examined <= _FINDINGS_SECONDS else None
            self._seen = report(self._inputs, known)
            self._looked = time.monotonic()
            if known is None:
                self._examined = self._looked
            return self._seen


def serve_report(inputs: Inputs, port: int, announce: Callable[[str], None]) -> None:
    """Show the report on 127.0.0.1 until somebody ends it; it can be read, and nothing can be done with it.

    Args:
        inputs: As for :func:`composer.usecases.report.report`.
        port: 0: any that is free.
        announce: Called with the address, which has a token in it, once the page is there.

    Raises:
        ComposerError: There is nothing to report of, or the port cannot be opened.
    """
    from composer.render.report import render_report
    from composer.system.local_page import LocalPage

    seen = LiveReport(inputs)
    seen.now()
    pages = {"": lambda: render_report(seen.now(), "live"), "still": lambda: render_report(seen.now(), "still")}
    with LocalPage(pages, {"": _SECONDS}, port) as page:
        announce(page.address)
        page.serve_forever()
