"""Scripts of bundles and of ``runtime: process`` run on bash before 4.4, too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPTS = sorted(path for room in ("metal", "scripts") for path in (ROOT / "dockerfiles" / room).rglob("*.sh"))
# Sequences in participants/*.conf and python/*/python.conf.
CONFIGURED = {"settings", "hosts", "environment", "options"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT / "dockerfiles")))
def test_no_array_that_may_be_empty_is_expanded_without_a_guard(script: Path) -> None:
    """There an empty array is an unset variable, which ends a script under ``set -u``."""
    may_be_empty = {name for path in SCRIPTS for name in re.findall(r"\b(\w+)=\(\)", path.read_text())} | CONFIGURED
    unguarded = [
        line.strip()
        for line in script.read_text().splitlines()
        for found in re.finditer(r'"\$\{(\w+)\[@\](?::\d+)?\}"', line)
        if found[1] in may_be_empty and not re.search(rf"\$\{{(?:{found[1]}\[@\]|1)\+|#{found[1]}\[@\]", line)
    ]
    assert unguarded == []
