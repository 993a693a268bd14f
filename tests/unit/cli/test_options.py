"""Options mean what users of Compose, make and git type them for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import composer


@pytest.mark.parametrize("command", ["generate", "build", "down"])
def test_json_is_of_a_plan(command: str, tmp_path: Path) -> None:
    ended = composer(command, "--json", "-C", tmp_path / "deployment")
    assert ended.returncode == 2
    assert "--json prints what would be done: add --dry-run" in ended.err


def test_a_plan_is_data(prod_00: Path, tmp_path: Path) -> None:
    ended = composer("generate", prod_00, "--dry-run", "--json", "-C", tmp_path / "deployment")
    assert ended.returncode == 0, ended.err
    planned = json.loads(ended.out)
    assert (planned["hosts"], planned["unreachable"]) == ([], {})
    assert {"docker-compose.yml", "manifest.json"} <= set(planned["write"])
    assert not (tmp_path / "deployment").exists()


def test_the_deployment_folder_is_chosen_as_in_make_and_git(prod_00: Path, tmp_path: Path) -> None:
    assert composer("generate", prod_00, "-C", tmp_path / "deployment").returncode == 0
    assert (tmp_path / "deployment" / "manifest.json").is_file()


def test_up_d_takes_no_folder(prod_00: Path, tmp_path: Path) -> None:
    """Compose users type -d for detach: the kits behind it are kits, and nothing is written into them."""
    before = sorted(prod_00.rglob("*"))
    ended = composer("up", "-d", prod_00, "--dry-run", cwd=tmp_path, DOCKER_HOST="unix:///nowhere.sock")
    assert ended.returncode == 1
    assert sorted(prod_00.rglob("*")) == before
