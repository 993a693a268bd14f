"""Signals at random moments, on several hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.hosts.deployment import PLACES, Across
from tests.signals import Rig, play

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]


@pytest.fixture
def fresh(across: Across, definition: Path | None) -> Iterator[Across]:
    across.build_again()
    yield across
    across.place(PLACES, definition)
    assert across.does("down").returncode == 0


def test_whatever_signal_comes_whenever(fresh: Across, definition: Path | None) -> None:
    # Site-3 runs on the operator's own machine.
    places = {name: host for name, host in PLACES.items() if name != "site-3"}

    def change(number: int | None) -> None:
        more = {} if number is None else {"site-1": f"environment: {{ROUND: '{number}'}}"}
        fresh.place(places, definition, more)

    def running() -> dict[str, str]:
        found = {}
        for host in (*fresh.lan.hosts.values(), fresh.lan.operator):
            for line in host.docker("ps", "--all", "--format", "{{.Names}} {{.ID}}").splitlines():
                name, id_ = line.split()
                found[name] = id_
        return found

    change(None)
    rig = Rig(
        fresh.folder,
        fresh.kits,
        fresh.definition,
        running=running,
        named=lambda name: f"{fresh.project}-{name}-1",
        change=change,
        leftovers=lambda: (),
        last=4,
        first=16,
        participants=tuple(PLACES),
        composer=fresh.enter_at(ROOT),
    )
    play(rig)
