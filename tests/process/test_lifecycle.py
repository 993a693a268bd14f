"""Plain processes hold to what use cases rely on (tests/contract.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.runtimes.process_lifecycle import ProcessLifecycle
from tests.conftest import Deployment
from tests.contract import hold_to_the_contract_for_real, hold_to_the_plan


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
