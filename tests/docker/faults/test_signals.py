"""Signals at random moments, on containers."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Deployment
from tests.docker.faults.stack import containers, leftovers
from tests.signals import Rig, play

pytestmark = [pytest.mark.docker, pytest.mark.nvflare, pytest.mark.fault(16)]


def test_whatever_signal_comes_whenever(fresh: Deployment) -> None:
    assert fresh.on_kits("build").returncode == 0
    override = fresh.folder / "compose.override.yml"

    def change(number: int | None) -> None:
        if number is None:
            override.unlink(missing_ok=True)
        else:
            override.write_text(json.dumps({"services": {"site-1": {"environment": {"ROUND": str(number)}}}}))

    rig = Rig(
        fresh.folder,
        fresh.kits,
        fresh.definition,
        running=lambda: containers(fresh),
        named=fresh.container,
        change=change,
        leftovers=lambda: leftovers(fresh),
        last=4,
        first=20,
        environment=fresh.environment,
    )
    play(rig)
