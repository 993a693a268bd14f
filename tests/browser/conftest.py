"""A browser, and axe-core to look for what keeps people from reading a page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.browser.chromium import NAMES, Page, chromium
from tests.conftest import ROOT, missing


@pytest.fixture(scope="session")
def browser() -> Iterator[Page]:
    """Headless Chromium with one page."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        missing("there is no Chromium here: use `make test-browser`")
        raise AssertionError
    # What it wrote last may still be on its way when it is ended.
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder, chromium(program, Path(folder)) as page:
        yield page


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, as a script that a page runs."""
    found = sorted(ROOT.glob(".venv/share/axe-core-*/axe.min.js"))
    if not found:
        missing("there is no axe-core here: use `make test-browser`")
    return found[-1].read_text()
