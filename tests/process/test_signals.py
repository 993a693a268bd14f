"""Signals at random moments, on plain processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Deployment, free_port, provision
from tests.process.conftest import members
from tests.signals import Rig, play

PARTICIPANTS = ("server1", "site-1", "site-2")


@pytest.mark.nvflare
def test_whatever_signal_comes_whenever(tmp_path: Path) -> None:
    definition = tmp_path / "composer.yml"
    environment = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    one = Deployment(tmp_path / "deployment", provision(tmp_path, "signals", free_port()), definition, environment)

    def change(number: int | None) -> None:
        site = "{}" if number is None else f"{{environment: {{ROUND: '{number}'}}}}"
        definition.write_text(f"runtime: process\nparticipants: {{site-1: {site}}}\n")

    def supervisors() -> dict[str, int]:
        """Those that live; each is known by its number."""
        found = {}
        for name in PARTICIPANTS:
            workspace = one.folder / "workspaces" / name
            file = workspace / "composer.supervisor"
            if file.exists() and int(file.read_text()) in members(workspace):
                found[name] = int(file.read_text())
        return found

    def strays() -> list[int]:
        """Processes of participants whose supervisor does not live."""
        alive = supervisors()
        return [pid for name in PARTICIPANTS if name not in alive for pid in members(one.folder / "workspaces" / name)]

    change(None)
    ended = one.on_kits("build")
    assert ended.returncode == 0, ended.err
    try:
        rig = Rig(
            one.folder,
            one.kits,
            definition,
            running=supervisors,
            named=lambda name: name,
            change=change,
            leftovers=strays,
            last=2.5,
            first=8,
            environment=environment,
        )
        play(rig)
        assert one.run("down").returncode == 0
        assert not any(members(one.folder / "workspaces" / name) for name in PARTICIPANTS)
    finally:
        one.run("down")
