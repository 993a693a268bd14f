"""Images where there is no Internet and no registry: an engine that has seen nothing but a base image."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import composer, docker, missing, run
from tests.docker.images.conftest import Built, choice, inspect, write_definition

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def elsewhere(built: Built, definition: Path | None) -> Iterator[dict[str, str]]:
    """The environment that leads to another engine: it has the base image, and no network at all."""
    if os.geteuid() or not shutil.which("dockerd"):
        missing("an engine of its own needs root and dockerd")
    base = choice(definition).get("base", "python:3.12-slim-bookworm")
    with TemporaryDirectory(prefix="composer-") as place, Path(place, "log").open("w") as log:
        socket = f"unix://{place}/docker.sock"
        roots = ["--data-root", f"{place}/data", "--exec-root", f"{place}/exec", "--pidfile", f"{place}/pid"]
        network = ["--bridge=none", "--iptables=false", "--ip6tables=false"]
        # A session of its own: an interrupt of the tests must not end it before its containers are gone.
        # And a network of its own: a daemon without a bridge deletes docker0, which is another engine's.
        argv = ["unshare", "--net", "dockerd", "--host", socket, *roots, *network]
        engine = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait(socket)
            docker("save", "--output", f"{place}/base.tar", base)
            there = run(["docker", "load", "--input", f"{place}/base.tar"], env={"DOCKER_HOST": socket})
            assert there.returncode == 0, there.err
            yield {"DOCKER_HOST": socket}
        finally:
            engine.terminate()
            engine.wait(30)


def _wait(socket: str) -> None:
    for _ in range(150):
        if run(["docker", "info"], env={"DOCKER_HOST": socket}).returncode == 0:
            return
        time.sleep(0.2)
    raise AssertionError("dockerd does not answer")


@pytest.fixture(scope="module")
def wheels(built: Built, definition: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``composer wheels`` collects for a definition that names the folder already."""
    place = tmp_path_factory.mktemp("wheels")
    path = write_definition(place / "composer.yml", {**choice(definition), "wheels": "wheel house"})
    ended = composer("wheels", built.kits, "-f", path, "-C", place / "deployment", "-o", place / "wheel house")
    assert ended.returncode == 0, ended.err
    return place / "wheel house"


def test_a_wheelhouse_is_whole(wheels: Path) -> None:
    names = [path.name for path in wheels.iterdir()]
    assert all(name.endswith((".whl", ".lock")) for name in names)
    assert {name.split("-")[0] for name in names} >= {"nvflare", "numpy", "grpcio", "pip", "pyhocon"}
    assert sum(name.endswith(".lock") for name in names) == 1


def test_images_are_built_where_nothing_can_be_fetched(
    elsewhere: dict[str, str], wheels: Path, built: Built, definition: Path | None, tmp_path: Path
) -> None:
    image = {"wheels": str(wheels)}
    if "base" in choice(definition):
        image["base"] = choice(definition)["base"]
    site = Built(tmp_path / "deployment", built.kits, write_definition(tmp_path / "composer.yml", image), elsewhere)
    ended = site.build("--offline", "-v")
    assert ended.returncode == 0, ended.err
    assert "--network none" in ended.err
    assert {one["state"] for one in site.images()} == {"fresh"}
    (lock,) = wheels.glob("*.lock")
    assert (site.folder / "images" / "site-1" / "requirements.lock").read_bytes() == lock.read_bytes()
    version = run(
        ["docker", "run", "--rm", "--network", "none", "--entrypoint", "nvflare", site.tag("site-1"), "--version"],
        env=elsewhere,
    )
    assert version.out.strip().endswith("2.9.0"), version.err
    assert "all images are fresh" in site.build("--offline").err


def test_a_wheel_that_is_not_there_is_named(
    elsewhere: dict[str, str], wheels: Path, built: Built, definition: Path | None, tmp_path: Path
) -> None:
    less = tmp_path / "less"
    shutil.copytree(wheels, less, ignore=shutil.ignore_patterns("numpy-*"))
    image = {"wheels": str(less)}
    if "base" in choice(definition):
        image["base"] = choice(definition)["base"]
    path = write_definition(tmp_path / "composer.yml", image)
    site = Built(tmp_path / "deployment", built.kits / "site-1", path, elsewhere)
    ended = site.build("--offline")
    assert ended.returncode == 1
    assert "the image cannot be built: no package fits numpy==" in ended.err
    assert "collect image.wheels for the same base" in ended.err


def test_saved_images_run_elsewhere(elsewhere: dict[str, str], built: Built, saved: Path) -> None:
    assert sorted(path.name for path in saved.iterdir()) == ["images.json", "images.tar"]
    size = inspect(built.tag("site-1"))["Size"]
    # Four participants, one image's worth of bytes.
    assert (saved / "images.tar").stat().st_size < 1.15 * size
    there = Built(built.folder, built.kits, built.definition, elsewhere)
    ended = composer("images", "load", saved, **elsewhere)
    assert ended.returncode == 0, ended.err
    assert {one["state"] for one in there.images()} == {"fresh"}
    assert [one["id"] for one in there.images()] == [one["id"] for one in built.images()]


def test_a_damaged_archive_is_not_loaded(elsewhere: dict[str, str], saved: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(saved, copy)
    with (copy / "images.tar").open("r+b") as archive:
        archive.seek(10_000_000)
        archive.write(b"\xff" * 100)
    ended = composer("images", "load", copy, **elsewhere)
    assert ended.returncode == 1
    assert "images.tar is damaged" in ended.err
