"""A command reads its definition and the manifest of its deployment once, and resolves by what it has read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import COMPOSER, run
from tests.kitmaker import provision, to_be_run

# Counts how often a file is opened, in the process of the command itself.
COUNTER = """
import atexit, os, sys
count = 0
def hook(event, arguments):
    global count
    if event == "open" and str(arguments[0]) == os.environ["COUNTED"]:
        count += 1
        open(os.environ["COUNT"], "w").write(str(count))
sys.addaudithook(hook)
"""


def read_by(command: list[str | Path], file: Path, folder: Path) -> int:
    """Return how often a command opens a file."""
    (folder / "sitecustomize.py").write_text(COUNTER)
    count = folder / "count"
    count.write_text("0")
    environment = {"PYTHONPATH": str(folder), "COUNTED": str(file), "COUNT": str(count)}
    ended = run([*COMPOSER, *command], env=environment)
    assert ended.returncode in (0, 3), ended.err
    return int(count.read_text())


@pytest.fixture
def made(tmp_path: Path) -> Path:
    prod = provision(tmp_path, to_be_run()).prod
    (tmp_path / "composer.yml").write_text(f"kits: [{prod}]\nruntime: process\n")
    return tmp_path


@pytest.mark.parametrize("command", ["check", "generate", "diff", "hosts", "doctor"])
def test_the_definition_is_read_once(made: Path, command: str) -> None:
    definition, deployment = made / "composer.yml", made / "deployment"
    folder = made / "hook"
    folder.mkdir()
    assert read_by([command, "-f", definition, "-C", deployment], definition, folder) == 1


def test_dry_runs_and_builds_read_it_once(made: Path) -> None:
    definition, deployment = made / "composer.yml", made / "deployment"
    folder = made / "hook"
    folder.mkdir()
    for command in (["up", "--dry-run"], ["build", "--dry-run"]):
        assert read_by([*command, "-f", definition, "-C", deployment], definition, folder) == 1
