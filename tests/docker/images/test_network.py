"""The steps of a build, which run whatever a base image or a package brings, do not reach this machine's loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import docker, run
from tests.docker.images.conftest import Built, choice, write_definition

pytestmark = pytest.mark.docker

BASE = "composer-test-nosy:1"
# Dials before it does anything, and then ends: a build gets no further.
NOSY = """
FROM {base}
RUN printf '#!/bin/bash\\nexec 3<>/dev/tcp/127.0.0.1/{port}\\nexit 7\\n' > /usr/local/bin/python3; \\
    chmod 0755 /usr/local/bin/python3
"""


@pytest.fixture
def service() -> Iterator[socket.socket]:
    """What listens on this machine's loopback address, as NVFLARE's own processes do."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        yield listener


@pytest.fixture
def image(service: socket.socket, engine: None, definition: Path | None, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What composer.yml says of an image on a base whose Python dials the service."""
    common = choice(definition)
    base = common.get("base", "python:3.12-slim-bookworm")
    (tmp_path / "Dockerfile").write_text(NOSY.format(base=base, port=service.getsockname()[1]))
    docker("buildx", "build", "-q", "--load", "--tag", BASE, str(tmp_path))
    yield {**common, "base": BASE}
    run(["docker", "image", "rm", "--force", BASE])


def was_dialled(service: socket.socket) -> bool:
    try:
        service.accept()[0].close()
    except TimeoutError:
        return False
    return True


def built(kits: Path, folder: Path, image: dict[str, str], **env: str) -> None:
    path = write_definition(folder / "composer.yml", image)
    ended = Built(folder / "deployment", kits / "site-1", path, env).build("-v")
    assert ended.returncode == 1
    assert "the image cannot be built" in ended.err


def test_a_build_does_not_reach_it(
    service: socket.socket, image: dict[str, str], prod_00: Path, tmp_path: Path
) -> None:
    built(prod_00, tmp_path, image)
    assert not was_dialled(service)


def test_nor_does_one_by_compose(service: socket.socket, image: dict[str, str], prod_00: Path, tmp_path: Path) -> None:
    path = write_definition(tmp_path / "composer.yml", image)
    site = Built(tmp_path / "deployment", prod_00 / "site-1", path)
    assert site.on_kits("generate").returncode == 0
    assert run(["docker", "compose", "-f", site.folder / "docker-compose.yml", "build", "site-1"]).returncode != 0
    assert not was_dialled(service)


@pytest.mark.parametrize("how", ["asked", "proxy", "index", "configured"])
def test_one_that_needs_the_loopback_address_does(
    service: socket.socket, image: dict[str, str], prod_00: Path, tmp_path: Path, how: str
) -> None:
    env = {}
    if how == "asked":
        image = {**image, "build_network": "host"}
    elif how == "proxy":
        env = {"HTTPS_PROXY": "http://user:pass@localhost:3128"}
    elif how == "index":
        image = {**image, "pip_options": ["--index-url=http://127.0.0.1:9/simple"]}  # type: ignore[dict-item]
    else:
        (tmp_path / "pip.conf").write_text("[global]\nindex-url = http://[::1]:9/simple\n")
        image = {**image, "pip_config": str(tmp_path / "pip.conf")}
    built(prod_00, tmp_path, image, **env)
    assert was_dialled(service)
