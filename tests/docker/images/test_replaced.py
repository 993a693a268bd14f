"""An image is the one that was made, by its ID: what is built on it has its labels, and may be given its name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import composer, docker, run
from tests.docker.images.conftest import Built, inspect

pytestmark = pytest.mark.docker


@pytest.fixture
def replaced(built: Built, tmp_path: Path) -> Iterator[str]:
    """The name of a site's image, which is another's now."""
    tag = built.tag("site-1")
    before = inspect(tag)["Id"]
    (tmp_path / "Dockerfile").write_text(f"FROM {tag}\nUSER 0\nENTRYPOINT echo EVIL\n")
    docker("buildx", "build", "-q", "--load", "--tag", tag, str(tmp_path))
    evil = inspect(tag)
    assert evil["Id"] != before
    assert (
        evil["Config"]["Labels"]["flare-composer.inputs"]
        == inspect(before)["Config"]["Labels"]["flare-composer.inputs"]
    )
    yield tag
    docker("tag", before, tag)
    run(["docker", "image", "rm", "--force", evil["Id"]])


def test_it_is_listed_as_stale(built: Built, replaced: str) -> None:
    assert {one["name"]: one["state"] for one in built.images()} == {
        "server1": "fresh", "site-1": "stale", "site-2": "fresh", "admin@quickstart.example": "fresh",
    }  # fmt: skip


def test_it_is_built_again_and_that_is_said(built: Built, replaced: str) -> None:
    ended = built.build()
    assert ended.returncode == 0, ended.err
    assert f"Replacing {replaced}: it is not the image that was made for this deployment" in ended.err
    assert "built the images of site-1\n" in ended.err
    assert inspect(replaced)["Config"]["User"] != "0"
    assert {one["state"] for one in built.images()} == {"fresh"}


def test_it_is_not_saved(built: Built, replaced: str, tmp_path: Path) -> None:
    ended = composer("images", "save", "-C", built.folder, tmp_path / "saved")
    assert ended.returncode == 1
    assert f"there is no image {replaced} of the Dockerfile as it is" in ended.err
    assert not (tmp_path / "saved").exists()


def test_it_is_not_packed(built: Built, replaced: str, tmp_path: Path) -> None:
    ended = built.on_kits("bundle", "-o", str(tmp_path / "out"), "--with-images")
    assert ended.returncode == 1
    assert "the image of site-1 is missing or stale" in ended.err


def test_what_nothing_is_recorded_of_is_taken_and_said_once(built: Built) -> None:
    """As after `images load`, or beside another deployment of the same kits."""
    tag = built.tag("site-1")
    kept = built.folder.parent / "kept"
    (built.folder / ".images").rename(kept)
    try:
        ended = built.build()
        assert ended.returncode == 0, ended.err
        assert f"Taking {tag} as this engine has it ({inspect(tag)['Id'][:19]})" in ended.err
        assert "all images are fresh" in ended.err
        assert "Taking" not in built.build().err
    finally:
        shutil.rmtree(built.folder / ".images")
        kept.rename(built.folder / ".images")


def test_an_archive_that_is_not_the_senders_is_not_loaded(built: Built, saved: Path, tmp_path: Path) -> None:
    """Its own sum is right, as whoever changes one can change the other."""
    digest = json.loads((saved / "images.json").read_text())["sha256"]
    ended = composer("images", "load", saved, "--sha256", digest.upper())
    assert ended.returncode == 0, ended.err
    ended = composer("images", "load", saved, "--sha256", "0" * 64)
    assert ended.returncode == 1
    assert f"is not the archive that you were told of: its SHA-256 is {digest}" in ended.err
