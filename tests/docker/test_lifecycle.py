"""Docker itself holds to what use cases rely on (tests/contract.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.deployment.write import read_manifest
from composer.runtimes.docker_lifecycle import DockerLifecycle
from tests.conftest import Deployment
from tests.contract import hold_to_the_contract


@pytest.mark.docker
@pytest.mark.nvflare
def test_containers_hold_to_the_contract(engine: None, prod_00: Path, definition: Path | None, tmp_path: Path) -> None:
    deployment = Deployment(tmp_path / "deployment", prod_00, definition)
    ended = deployment.on_kits("build")
    assert ended.returncode == 0, ended.err
    manifest = read_manifest(deployment.folder)
    assert manifest
    try:
        hold_to_the_contract(lambda: DockerLifecycle(deployment.folder), manifest, watch_until_registered=True)
    finally:
        deployment.forget()
