"""Images of a federation, really built, and what is in them."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
import yaml

from tests.conftest import Deployment, Ended, composer, docker, run


@dataclass
class Built(Deployment):
    """A deployment of which only images are made."""

    def build(self, *arguments: str) -> Ended:
        """``composer build``."""
        chosen = ["-f", str(self.definition)] if self.definition else []
        return composer("build", self.kits, "-C", self.folder, *chosen, *arguments, **self.environment)

    def images(self) -> list[dict[str, Any]]:
        """``composer images --json``, read."""
        ended = self.run("images", "--json")
        assert ended.returncode == 0, ended.err
        return list(json.loads(ended.out)["images"])

    def tag(self, name: str) -> str:
        """The image of a participant."""
        (tag,) = [str(image["tag"]) for image in self.images() if image["name"] == name]
        return tag


def choice(definition: Path | None) -> dict[str, Any]:
    """What this machine needs of ``image:`` in a composer.yml."""
    return dict(yaml.safe_load(definition.read_text())["image"]) if definition else {}


def write_definition(path: Path, image: dict[str, Any], **keys: Any) -> Path:
    """Write a composer.yml."""
    path.write_text(yaml.safe_dump({"image": image, **keys}))
    return path


def inspect(image: str) -> dict[str, Any]:
    """What the engine says of an image."""
    return dict(json.loads(docker("image", "inspect", image))[0])


def inside(image: str, *command: str, **options: str) -> str:
    """Run a command in an image without a network and return what it wrote."""
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    return docker("run", "--rm", "--network", "none", "--entrypoint", command[0], *given, image, *command[1:])


def layer_files(archive: Path) -> Iterator[tuple[str, str, tarfile.TarInfo, IO[bytes] | None]]:
    """Yield layer, name, entry and content of everything in every layer of what ``docker save`` wrote."""
    with tarfile.open(archive) as saved:
        manifest = saved.extractfile("manifest.json")
        assert manifest is not None
        for layer in sorted({layer for image in json.load(manifest) for layer in image["Layers"]}):
            with tarfile.open(fileobj=saved.extractfile(layer)) as files:
                for entry in files:
                    yield layer, entry.name, entry, files.extractfile(entry) if entry.isreg() else None


@pytest.fixture(scope="package")
def built(
    engine: None, prod_00: Path, definition: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Built]:
    """The images of a server, two sites and an admin, pinned by a lock."""
    deployment = Built(tmp_path_factory.mktemp("images") / "deployment", prod_00, definition)
    ended = deployment.build()
    assert ended.returncode == 0, ended.err
    yield deployment
    run(["docker", "image", "rm", "--force", *(image["tag"] for image in deployment.images())])


@pytest.fixture(scope="package")
def saved(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ``composer images save`` made of them."""
    folder = tmp_path_factory.mktemp("saved") / "usb stick"
    ended = composer("images", "save", "-C", built.folder, folder)
    assert ended.returncode == 0, ended.err
    return folder
