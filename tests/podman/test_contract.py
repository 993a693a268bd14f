"""Podman holds to what use cases rely on (tests/contract.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.runtimes.podman.lifecycle import PodmanLifecycle
from tests.contract import hold_to_single_participants, hold_to_the_contract_for_real, hold_to_the_plan
from tests.podman.conftest import PodmanDeployment

pytestmark = pytest.mark.nvflare


def test_containers_hold_to_the_contract(prod_00: Path, definition: Path, tmp_path: Path) -> None:
    hold_to_the_contract_for_real(PodmanLifecycle, PodmanDeployment(tmp_path / "deployment", prod_00, definition))


def test_containers_do_what_the_plan_says(prod_00: Path, definition: Path, tmp_path: Path) -> None:
    hold_to_the_plan(PodmanDeployment(tmp_path / "deployment", prod_00, definition), definition.read_text())


def test_single_containers_are_stopped_and_started(prod_00: Path, definition: Path, tmp_path: Path) -> None:
    hold_to_single_participants(PodmanDeployment(tmp_path / "deployment", prod_00, definition))
