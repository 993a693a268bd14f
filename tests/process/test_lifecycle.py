"""Plain processes hold to what use cases rely on (tests/contract.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.runtimes.process_lifecycle import ProcessLifecycle
from tests.conftest import Deployment, eventually, run
from tests.contract import hold_to_single_participants, hold_to_the_contract_for_real, hold_to_the_plan
from tests.docker.faults.stack import registrations, rows, started, tmpfs


@pytest.mark.nvflare
def test_processes_hold_to_the_contract(kits: Path, tmp_path: Path) -> None:
    definition = tmp_path / "composer.yml"
    definition.write_text("runtime: process\n")
    deployment = Deployment(tmp_path / "deployment", kits, definition)
    hold_to_the_contract_for_real(ProcessLifecycle, deployment)


@pytest.mark.nvflare
def test_processes_do_what_the_plan_says(kits: Path, tmp_path: Path) -> None:
    definition = tmp_path / "composer.yml"
    definition.write_text("runtime: process\n")
    hold_to_the_plan(Deployment(tmp_path / "deployment", kits, definition), definition.read_text())


@pytest.mark.nvflare
@pytest.mark.fault(19)
def test_a_disk_that_fills_while_a_site_registers_hides_no_registration(kits: Path, tmp_path: Path) -> None:
    definition = tmp_path / "composer.yml"
    definition.write_text("runtime: process\n")
    one = Deployment(tmp_path / "deployment", kits, definition)
    assert one.on_kits("build").returncode == 0
    workspace = one.folder / "workspaces" / "site-1"
    with tmpfs(workspace, "2m"):
        try:
            with started(one, "up", "--timeout", "60") as process:
                # Where there was no room from the beginning, registration is told when there is some.
                eventually(lambda: (workspace / "composer.state").exists() and (workspace / "composer.pid").exists())
                run(["dd", "if=/dev/zero", f"of={workspace / 'ballast'}", "bs=4k"])
                said = process.communicate(timeout=120)[1]
            assert process.returncode == 0, said
            # Else it came too late.
            assert registrations(one, "site-1") == 0
            (workspace / "ballast").unlink()
            assert rows(one)["site-1"]["registered"]
            assert one.run("status").returncode == 0
        finally:
            assert one.run("down").returncode == 0


@pytest.mark.nvflare
def test_single_processes_are_stopped_and_started(kits: Path, tmp_path: Path) -> None:
    definition = tmp_path / "composer.yml"
    definition.write_text("runtime: process\n")
    hold_to_single_participants(Deployment(tmp_path / "deployment", kits, definition))
