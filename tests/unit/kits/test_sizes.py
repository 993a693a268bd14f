"""A kit that holds more than kits do is refused before it is read: a sparse file costs its maker nothing."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.conftest import COMPOSER, Ended
from tests.kitmaker import Project, provision

PROJECT = Project("2.9", begins=datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=1))
_ROOM = 4 << 30


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return provision(tmp_path, PROJECT).prod / "site-1"


def sparse(folder: Path) -> None:
    with (folder / "big.bin").open("wb") as file:
        file.truncate(30 << 30)


def many(folder: Path) -> None:
    for number in range(5_001):
        (folder / f"{number}").touch()


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


def confined(*arguments: str | Path, cwd: Path) -> Ended:
    """Run composer where it cannot take the machine's memory."""
    done = subprocess.run(
        [str(item) for item in (*COMPOSER, *arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (_ROOM, _ROOM)),
    )
    return Ended(done.returncode, done.stdout, done.stderr)


CASES = [(sparse, "larger than anything in a kit"), (many, "far more files than a kit"), (pipe, "device")]


@pytest.mark.parametrize(("harm", "cause"), CASES)
def test_a_bundle_of_it(site: Path, tmp_path: Path, harm: Callable[[Path], None], cause: str) -> None:
    harm(site / "local")
    ended = confined("bundle", site, "-o", tmp_path / "out", "--ignore", "KIT-ROLE", cwd=tmp_path)
    assert ended.returncode == 1
    assert [line[:7] for line in ended.err.splitlines()[-2:]] == ["error: ", " hint: "], ended.err
    assert cause in ended.err
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize(("harm", "cause"), CASES)
def test_what_is_laid_over_it(site: Path, tmp_path: Path, harm: Callable[[Path], None], cause: str) -> None:
    (tmp_path / "own").mkdir()
    harm(tmp_path / "own")
    (tmp_path / "composer.yml").write_text("participants: {site-1: {local: ./own}}\n")
    ended = confined("generate", site, cwd=tmp_path)
    assert ended.returncode == 1
    assert [line[:7] for line in ended.err.splitlines()] == ["error: ", " hint: "], ended.err
    assert cause in ended.err


def test_check_says_so(site: Path, tmp_path: Path) -> None:
    sparse(site / "local")
    ended = confined("check", site, cwd=tmp_path)
    assert ended.returncode == 3
    assert "local/big.bin is larger than anything in a kit" in " ".join(ended.out.split())
