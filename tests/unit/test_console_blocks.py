"""What the documentation shows in consoles is what one sees: those blocks that need nothing but kits are run here."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT, composer
from tests.documentation.blocks import ELSEWHERE, Block, blocks, pages, run_block

pytestmark = pytest.mark.nvflare

ALL = [block for name, path in pages().items() for block in blocks(name, path.read_text())]
CONSOLES = [block for block in ALL if not block.file]


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart's folder with its kits, and one of them as it comes by mail."""
    folder = tmp_path_factory.mktemp("documentation") / "quickstart"
    shutil.copytree(ROOT / "examples/quickstart", folder, ignore=shutil.ignore_patterns("composer.yml", "workspace"))
    ended = composer("provision", "project.yml", cwd=folder)
    assert ended.returncode == 0, ended.err
    shutil.make_archive(str(folder / "site-1"), "zip", folder / "workspace/quickstart/prod_00", "site-1")
    (folder / "site-1.zip").chmod(0o600)
    return folder


def pages_that_run(runs: str) -> list[str]:
    return sorted({block.page for block in CONSOLES if block.runs == runs})


@pytest.mark.parametrize("page", pages_that_run("kits"))
def test_what_needs_nothing_but_kits(quickstart: Path, tmp_path: Path, page: str) -> None:
    folder = tmp_path / "quickstart"
    shutil.copytree(quickstart, folder)
    ids: dict[str, str] = {}
    for block in ALL:
        if block.page == page and (block.file or block.runs == "kits"):
            run_block(block, folder, ids, {})


@pytest.mark.parametrize("block", CONSOLES, ids=lambda block: block.name)
def test_each_block_is_run_somewhere(block: Block) -> None:
    assert block.runs in ("kits", "engine", "elsewhere"), "say what it needs: <!-- runs: kits -->"
    if block.runs == "elsewhere":
        (test,) = [
            test
            for (page, begins), test in ELSEWHERE.items()
            if page == block.page and block.steps[0].command.startswith(begins)
        ]
        assert (ROOT / "tests" / test).is_file()


def test_the_table_of_blocks_that_run_elsewhere_has_no_row_too_much() -> None:
    assert len(ELSEWHERE) == sum(block.runs == "elsewhere" for block in CONSOLES)


def test_the_readme_shows_a_part_of_the_tutorial() -> None:
    """So what is run of the tutorial is run of the README."""
    readme, tutorial = (
        [step for block in CONSOLES if block.page == page for step in block.steps]
        for page in ("README.md", "tutorial.md")
    )
    commands = [step.command for step in readme]
    assert commands == [step.command for step in tutorial if step.command in commands]
    shown = {line for step in tutorial for line in step.shown}
    assert {line for step in readme for line in step.shown} <= shown
