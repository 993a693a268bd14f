"""Options mean what users of Compose, make and git type them for."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import composer


def test_the_deployment_folder_is_chosen_as_in_make_and_git(prod_00: Path, tmp_path: Path) -> None:
    assert composer("generate", prod_00, "-C", tmp_path / "deployment").returncode == 0
    assert (tmp_path / "deployment" / "manifest.json").is_file()


def test_up_d_takes_no_folder(prod_00: Path, tmp_path: Path) -> None:
    """Compose users type -d for detach: the kits behind it are kits, and nothing is written into them."""
    before = sorted(prod_00.rglob("*"))
    ended = composer("up", "-d", prod_00, "--dry-run", cwd=tmp_path, DOCKER_HOST="unix:///nowhere.sock")
    assert ended.returncode == 1
    assert sorted(prod_00.rglob("*")) == before
