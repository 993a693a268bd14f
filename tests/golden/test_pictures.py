"""The pictures of the federations are kept as files, as what is rendered for them is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from composer.cli.screen.picture import draw
from composer.render.mermaid import render_mermaid
from composer.render.picture import render_svg
from composer.resolve.topology import resolve_topology
from tests.golden.cases import CASES

HERE = Path(__file__).parent / "pictures"


@pytest.mark.parametrize("case", CASES)
def test_a_picture_is_what_was_reviewed(case: str) -> None:
    topology = resolve_topology(CASES[case]())
    trees = ("\n".join(line.text for line in draw(topology, width)) + "\n" for width in (None, 60))
    found = {
        f"{case}.svg": render_svg(topology),
        f"{case}.mmd": render_mermaid(topology),
        **dict(zip((f"{case}.txt", f"{case}-60.txt"), trees, strict=True)),
    }
    for name, text in found.items():
        if os.environ.get("UPDATE_GOLDEN"):
            HERE.mkdir(exist_ok=True)
            (HERE / name).write_text(text)
        assert text == (HERE / name).read_text(), name
