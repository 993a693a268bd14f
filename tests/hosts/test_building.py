"""``build: remote``: a host's own engine builds the images of its participants, and nothing of a kit is sent for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from composer.deployment.layout import INPUTS_LABEL
from tests.conftest import composer, docker, run
from tests.hosts.deployment import PLACES, Across, private_keys

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

WARD = "ward-c"


@pytest.fixture(scope="module")
def wheels(across: Across, definition: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ward-c needs for a build, since no package index is in its network: wheels, and the base image."""
    across.place(PLACES, definition)
    across.build_again()
    folder = tmp_path_factory.mktemp("building")
    ended = composer("wheels", across.kits, "-f", across.definition, "-C", across.folder, "-o", folder / "wheels")
    assert ended.returncode == 0, ended.err
    archive = folder / "base.tar"
    docker("save", "--output", str(archive), base(across))
    across.lan[WARD].docker("load", "--quiet", "--input", str(archive))
    archive.unlink()
    return folder / "wheels"


@pytest.fixture(scope="module")
def built(across: Across, wheels: Path, definition: Path | None) -> Iterator[Across]:
    across.place(PLACES, definition, {WARD: "build: remote", "site-3": f"image: {{wheels: {wheels}}}"})
    ended = across.up("--yes", "-v")
    assert ended.returncode == 0, ended.err
    assert f"{WARD}: Building the image of site-3" in ended.err
    yield across
    across.place(PLACES, definition)
    assert across.does("down", "--purge", "--yes").returncode == 0
    engine = across.lan[WARD]
    assert engine.docker("images", "--format", "{{.Repository}}").split() == [base(across).partition(":")[0]]
    engine.docker("rmi", base(across))
    engine.docker("builder", "prune", "--all", "--force")


def base(across: Across) -> str:
    """The name of the base image: that of one of the Dockerfiles."""
    dockerfile = (across.folder.with_name("built") / "images" / "site-3" / "Dockerfile").read_text()
    return dockerfile.partition("FROM ")[2].split()[0]


def deployed(across: Across, name: str) -> dict[str, str]:
    manifest = json.loads((across.folder / "manifest.json").read_text())
    return next(one for one in manifest["participants"] if one["name"] == name)


def test_the_image_is_on_its_host_and_nowhere_else(built: Across) -> None:
    site = deployed(built, "site-3")
    label = f'{{{{index .Config.Labels "{INPUTS_LABEL}"}}}}'
    assert built.lan[WARD].docker("image", "inspect", "--format", label, site["image"]).strip() == site["inputs"]
    assert built.lan["ward-a"].docker("images", "--quiet", site["image"]) == ""
    # The operator's engine has the one that other tests have had sent.
    assert built.lan.operator.docker("image", "inspect", "--format", label, site["image"]).strip() != site["inputs"]
    assert built.lan[WARD].docker("images", "--quiet", "flare-composer-wheels") == ""


def test_what_is_told_of_images_goes_by_what_they_were_built_from(built: Across) -> None:
    rows = built.rows()
    assert (rows["site-3"]["registered"], rows["site-3"]["drift"]) == (True, "")
    listed = json.loads(built.does("images", "--json").out)["images"]
    assert {(row["host"], row["name"], row["state"]) for row in listed if row["name"] in ("site-3", "site-2")} == {
        (WARD, "site-3", "fresh"),
        ("ward-b", "site-2", "fresh"),
        ("local", "site-2", "fresh"),
    }


def test_no_key_of_anybody_has_got_into_its_engine(built: Across) -> None:
    lines = [line for keys in private_keys(built.kits).values() for line in keys]
    patterns = [part for line in lines for part in ("-e", line)]
    found = run(["grep", "-rlF", *patterns, built.lan[WARD].folder / "data"])
    assert (found.returncode, found.out) == (1, "")


def test_nothing_is_built_twice(built: Across) -> None:
    before = built.container("site-3")["Id"]
    ended = built.up("-v")
    assert ended.returncode == 0, ended.err
    assert "Building the image" not in ended.err
    assert built.container("site-3")["Id"] == before
    ended = built.run("build", built.kits, "-f", built.definition, "-C", built.folder)
    assert ended.returncode == 0, ended.err
    assert "all images are fresh" in ended.err


def test_what_is_stale_is_built_again_on_the_host(built: Across, wheels: Path, definition: Path | None) -> None:
    image = f"image: {{wheels: {wheels}, environment: {{ROUND: '2'}}}}"
    built.place(PLACES, definition, {WARD: "build: remote", "site-3": image})
    ended = built.run("build", built.kits, "-f", built.definition, "-C", built.folder, "--offline")
    assert ended.returncode == 0, ended.err
    assert "site-3" in ended.err
    assert built.up().returncode == 0
    assert "ROUND=2" in built.container("site-3")["Config"]["Env"]


def test_a_host_that_cannot_build_is_named_and_the_others_go_on(
    built: Across, wheels: Path, definition: Path | None
) -> None:
    """Ward-b has no base image, and no registry is in its network."""
    more = {"ward-b": "build: remote", "site-2": f"image: {{wheels: {wheels}}}"}
    built.place(PLACES, definition, {WARD: "build: remote", "site-3": f"image: {{wheels: {wheels}}}", **more})
    ended = built.up("--yes")
    assert ended.returncode == 1
    assert "ward-b: the image cannot be built: the base image is not on this engine" in ended.err
    assert built.lan["ward-b"].docker("images", "--quiet", "flare-composer-wheels") == ""
    rows = built.rows()
    assert {name: rows[name]["registered"] for name in ("server1", "site-1", "site-3")} == {
        "server1": True,
        "site-1": True,
        "site-3": True,
    }
