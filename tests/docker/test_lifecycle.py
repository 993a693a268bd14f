"""Docker itself holds to what use cases rely on (tests/contract.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.runtimes.docker_lifecycle import DockerLifecycle
from tests.conftest import Deployment
from tests.contract import hold_to_single_participants, hold_to_the_contract_for_real, hold_to_the_plan


@pytest.mark.docker
@pytest.mark.nvflare
def test_containers_hold_to_the_contract(engine: None, prod_00: Path, definition: Path | None, tmp_path: Path) -> None:
    deployment = Deployment(tmp_path / "deployment", prod_00, definition)
    hold_to_the_contract_for_real(DockerLifecycle, deployment)


@pytest.mark.docker
@pytest.mark.nvflare
def test_containers_do_what_the_plan_says(engine: None, prod_00: Path, definition: Path | None, tmp_path: Path) -> None:
    base = definition.read_text() if definition else ""
    hold_to_the_plan(Deployment(tmp_path / "deployment", prod_00, definition), base)


@pytest.mark.docker
@pytest.mark.nvflare
def test_single_containers_are_stopped_and_started(
    engine: None, prod_00: Path, definition: Path | None, tmp_path: Path
) -> None:
    hold_to_single_participants(Deployment(tmp_path / "deployment", prod_00, definition))
