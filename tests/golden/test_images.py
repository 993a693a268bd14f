"""The Dockerfile of every shape of image is what was reviewed."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from composer.render.dockerfile import render_context
from tests.conftest import run
from tests.golden.images import SHAPES, shape

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", SHAPES)
def test_the_dockerfile_is_what_was_reviewed(name: str) -> None:
    kept = HERE / f"image-{name}" / "images" / "site-1" / "Dockerfile"
    (file,) = [file for file in render_context(shape(name)) if file.path.name == "Dockerfile"]
    text = re.sub(r"\b[0-9a-f]{64}\b", "SHA256", file.content.decode())
    if os.environ.get("UPDATE_GOLDEN"):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(text)
    assert text == kept.read_text()


@pytest.mark.parametrize("name", SHAPES)
def test_hadolint_finds_nothing(name: str) -> None:
    ended = run(
        [Path(sys.executable).with_name("hadolint"), HERE / f"image-{name}" / "images" / "site-1" / "Dockerfile"]
    )
    assert (ended.returncode, ended.out) == (0, "")
