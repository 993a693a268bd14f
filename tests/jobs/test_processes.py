"""Jobs on plain processes in a Python environment of the user's own, each with its result."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.jobs.runner import PLANE, RECIPES, Federation

pytestmark = pytest.mark.nvflare


@pytest.mark.parametrize("recipe", ["torch-workers", "torch-external"])
def test_pytorch_learns_the_plane(processes: Federation, tmp_path: Path, recipe: str) -> None:
    results = processes.complete(processes.export(recipe, tmp_path / "jobs"), tmp_path / "results")
    assert processes.weights(results) == pytest.approx(PLANE, abs=0.1)


def test_a_recipe_is_submitted_from_python(processes: Federation, tmp_path: Path) -> None:
    # NVFLARE writes logs where the kit is, and kits are never changed.
    kit = shutil.copytree(processes.admin_kit, tmp_path / processes.admin_kit.name)
    results = processes.submitted_from_python("from-python", RECIPES, kit, tmp_path / "results")
    assert processes.array(results) == [[3, 4], [5, 6]]
