"""Options mean what users of Compose, make and git type them for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from composer.runtimes import docker
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


@pytest.mark.parametrize("option", ["-t", "--timeout", "--wait-timeout"])
def test_how_long_up_waits_is_said_as_to_compose(option: str, tmp_path: Path) -> None:
    ended = composer("up", option, "soon", cwd=tmp_path)
    assert ended.returncode == 2
    assert "'-t' / '--timeout' / '--wait-timeout': 'soon' is not a valid float" in ended.err


def test_lines_of_logs_have_times_when_asked_for(tmp_path: Path) -> None:
    for given, added in ((True, ["--timestamps"]), (False, [])):
        argv = docker.logs(tmp_path, ["site-1"], False, None, None, False, given).argv
        assert list(argv)[list(argv).index("logs") + 1 :] == [*added, "site-1"]
    # Without a deployment there is nothing to read, but the option is one.
    assert composer("logs", "-t", "-C", tmp_path / "none").returncode == 1
