"""Generation from real kits: the same bytes and modes from anywhere, and kits as they were."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import composer, tree

pytestmark = pytest.mark.nvflare

ANYWHERE = [
    {"cwd": "/", "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "0", "umask": "077"},
    {"cwd": "/tmp", "TZ": "America/St_Johns", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "4242", "umask": "000"},
]


def test_the_same_input_gives_the_same_bytes_and_modes(prod_00: Path, tmp_path: Path) -> None:
    before = tree(prod_00)
    target = tmp_path / "deployment"
    seen = []
    for place in ANYWHERE:
        shutil.rmtree(target, ignore_errors=True)
        old = os.umask(int(place["umask"], 8))
        try:
            variables = {name: place[name] for name in ("TZ", "LC_ALL", "PYTHONHASHSEED")}
            ended = composer("generate", prod_00, "-C", target, cwd=Path(place["cwd"]), **variables)
        finally:
            os.umask(old)
        assert ended.returncode == 0, ended.err
        seen.append(tree(target))
    assert seen[0] == seen[1]
    assert tree(prod_00) == before


def test_generating_again_says_that_nothing_changed(prod_00: Path, tmp_path: Path) -> None:
    target = tmp_path / "deployment"
    first = composer("generate", prod_00, "-C", target)
    assert "files written" in first.err
    again = composer("generate", "-C", target)
    assert again.returncode == 0
    assert "nothing changed" in again.err


def test_a_partial_set_is_normal(prod_00: Path, tmp_path: Path) -> None:
    ended = composer("generate", prod_00 / "site-1", "-C", tmp_path / "deployment")
    assert ended.returncode == 0, ended.err
    services = (tmp_path / "deployment" / "docker-compose.yml").read_text()
    assert '"site-1":' in services
    assert '"server1":' not in services


def test_dry_run_writes_nothing(prod_00: Path, tmp_path: Path) -> None:
    target = tmp_path / "deployment"
    ended = composer("generate", prod_00, "-C", target, "--dry-run")
    assert ended.returncode == 0
    assert f"write {target}/docker-compose.yml" in ended.err
    assert not target.exists()


def test_no_key_is_in_what_is_generated(prod_00: Path, tmp_path: Path) -> None:
    target = tmp_path / "deployment"
    assert composer("generate", prod_00, "-C", target).returncode == 0
    bodies = ["".join(key.read_text().splitlines()[1:-1])[:64].encode() for key in prod_00.rglob("*.key")]
    assert len(bodies) == 4
    for name, (_, content) in tree(target).items():
        assert b"PRIVATE KEY" not in content, name
        assert not any(body in content for body in bodies), name
