"""The command has a second name, since another package is called composer, too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from composer import __version__
from tests.conftest import run

COMMANDS = [
    [Path(sys.executable).with_name("composer")],
    [Path(sys.executable).with_name("flare-composer")],
    [sys.executable, "-m", "flare_composer"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=["composer", "flare-composer", "module"])
def test_each_name_is_the_same_command(command: list[str | Path]) -> None:
    assert run([*command, "--version"]).out == f"composer, version {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS, ids=["composer", "flare-composer", "module"])
def test_a_package_that_shadows_ours_is_named(command: list[str | Path], tmp_path: Path) -> None:
    foreign = tmp_path / "composer"
    (foreign / "cli").mkdir(parents=True)
    (foreign / "__init__.py").write_text('"""A training library."""\n')
    (foreign / "cli" / "__init__.py").write_text("")
    # What is run with -m finds the present folder first.
    ended = run([*command, "--version"], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert ended.returncode == 1
    assert ended.err.splitlines() == [
        f"error: {foreign} shadows the package composer of flare-composer",
        " hint: install flare-composer into a virtual environment of its own",
    ]
