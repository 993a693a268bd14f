"""The console blocks of README and docs/ that need an engine, each as it stands there, on one federation."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, composer, forget_images, free_port
from tests.documentation.blocks import Block, blocks, pages, run_block

pytestmark = [pytest.mark.docker, pytest.mark.nvflare, pytest.mark.usefixtures("engine")]

# It brings the federation up; what other pages show is run before its last block.
FIRST = "tutorial.md"


@pytest.fixture
def quickstart(tmp_path: Path, definition: Path | None) -> Iterator[tuple[Path, str]]:
    """The quickstart's folder, and the name of its project, which no other federation on this engine has."""
    folder, port = tmp_path / "quickstart", free_port()
    name = f"documented{port}"
    shutil.copytree(ROOT / "examples/quickstart", folder, ignore=shutil.ignore_patterns("composer.yml", "workspace"))
    project = (folder / "project.yml").read_text()
    (folder / "project.yml").write_text(project.replace("quickstart\n", f"{name}\n", 1).replace("8002", str(port)))
    if definition:
        (folder / "composer.yml").write_text(definition.read_text())
    yield folder, name
    composer("down", "--purge", "--yes", cwd=folder)
    forget_images(name)


def in_order() -> list[Block]:
    """The blocks of the page that brings the federation up, of the others, and those that take it down."""
    found = [block for name, path in pages().items() for block in blocks(name, path.read_text())]
    needing = [block for block in found if block.runs == "engine" and block.page != "README.md"]
    return sorted(needing, key=lambda block: (block.last, block.page != FIRST))


def test_what_needs_an_engine(quickstart: tuple[Path, str]) -> None:
    folder, name = quickstart
    ids: dict[str, str] = {}
    for block in in_order():
        run_block(block, folder, ids, {"quickstart": name})
