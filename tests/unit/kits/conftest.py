"""Kits to read and harm: made once, copied for every test that changes one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kitmaker import Project, Provisioned, provision

Provision = Callable[[Project], Provisioned]


@pytest.fixture(scope="session")
def _made() -> dict[Project, Provisioned]:
    return {}


@pytest.fixture
def provisioned(
    _made: dict[Project, Provisioned], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Provision:
    """Provision a project into a folder that the test may do with as it likes."""

    def copy(project: Project) -> Provisioned:
        if project not in _made:
            _made[project] = provision(tmp_path_factory.mktemp("made"), project)
        made = _made[project]
        prod = tmp_path / project.name / "prod_00"
        shutil.copytree(made.prod, prod, symlinks=True)
        return replace(made, prod=prod)

    return copy
