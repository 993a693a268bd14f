"""Signals at random moments, on containers."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Deployment
from tests.docker.faults.stack import PARTICIPANTS, containers, leftovers
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

    play(
        Rig(
            fresh,
            lambda: containers(fresh),
            tuple(fresh.container(one) for one in PARTICIPANTS),
            change,
            lambda: leftovers(fresh),
            last=4,
            site_1=fresh.container("site-1"),
        )
    )
