"""Docker bundles whose images are built where they are started, with Compose and without, and on a bridge."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.conftest import Ended, composer, docker, forget_images, free_port, missing, provision, run

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

HOSTS = """
hosts:
  hub: {address: 127.0.0.1}
participants:
  server1: {host: hub}
  admin@quickstart.example: {host: hub}
  site-1: {host: hub}
  site-2: {host: hub}
"""


@dataclass(frozen=True)
class Unpacked:
    """A bundle, and what its administrator has in the environment."""

    folder: Path
    project: str
    environment: dict[str, str]

    def run(self, script: str, *arguments: str, **env: str) -> Ended:
        return run([self.folder / f"{script}.sh", *arguments], env={**self.environment, **env}, timeout=600)

    def does(self, script: str, *arguments: str, **env: str) -> Ended:
        ended = self.run(script, *arguments, **env)
        assert ended.returncode == 0, ended.err + ended.out
        return ended

    def forget(self) -> None:
        self.run("stop")
        forget_images(self.project)


def made(folder: Path, definition: Path | None, more: str = "") -> Unpacked:
    """A bundle of a whole federation, without images; what building needs here is the environment's, not its own."""
    port = free_port()
    project = f"there{port}"
    kits = provision(folder, project, port)
    common = yaml.safe_load(definition.read_text()) if definition else {}
    certificate = common.get("image", {}).pop("ca_bundle", "")
    (folder / "composer.yml").write_text(f"kits: {kits}\n{yaml.safe_dump(common) if common else ''}{HOSTS}{more}")
    chosen = ("-f", folder / "composer.yml", "-C", folder / "deployment", "-o", folder)
    ended = composer("bundle", *chosen, "--runtime", "docker")
    assert ended.returncode == 0, ended.err
    name = f"{project}-hub"
    place = folder / 'the ward\'s "own", $HOME'
    place.mkdir()
    assert run(["tar", "xzf", folder / f"{name}.tar.gz", "-C", place]).returncode == 0
    return Unpacked(place / name, project, {"PIP_CERT": certificate, "PIP_CONFIG_FILE": ""})


@pytest.fixture(scope="module")
def bundle(engine: None, definition: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unpacked]:
    one = made(tmp_path_factory.mktemp("there"), definition)
    yield one
    one.forget()


@pytest.fixture
def without_compose(tmp_path: Path) -> str:
    """A configuration folder of Docker's that has buildx and not Compose."""
    own = Path(os.environ.get("DOCKER_CONFIG", Path.home() / ".docker"), "cli-plugins", "docker-buildx")
    if not own.is_file() or run(["docker", "compose", "version"], env={"DOCKER_CONFIG": str(tmp_path)}).returncode == 0:
        missing("Docker's plugins are where every user finds them")
    (tmp_path / "cli-plugins").mkdir()
    (tmp_path / "cli-plugins" / "docker-buildx").symlink_to(own)
    return str(tmp_path)


@pytest.mark.parametrize("variable", ["PIP_CERT", "PIP_CONFIG_FILE"])
def test_a_file_that_is_not_there_is_told_before_the_build(bundle: Unpacked, variable: str) -> None:
    ended = bundle.run("start", **{variable: "/nowhere/file"})
    assert ended.returncode == 1
    assert f"error: ${variable} names /nowhere/file, which cannot be read" in ended.err


def test_the_images_are_built_and_all_register(bundle: Unpacked) -> None:
    ended = bundle.does("start")
    assert "building the image of site-1" in ended.err
    assert "registered: server1 site-1 site-2" in ended.err
    assert "building" not in bundle.does("start").err


def test_what_somebody_built_on_it_under_its_name_is_built_again(bundle: Unpacked, tmp_path: Path) -> None:
    tag = f"{bundle.project}/site-1:2.9.0"
    (tmp_path / "Dockerfile").write_text(f"FROM {tag}\nUSER 0\n")
    docker("buildx", "build", "-q", "--load", "--tag", tag, str(tmp_path))
    evil = docker("image", "inspect", "--format", "{{.Id}}", tag)
    ended = bundle.does("start")
    assert "building the image of site-1" in ended.err
    assert docker("image", "inspect", "--format", "{{.Id}}", tag) != evil
    assert "building" not in bundle.does("start").err


def test_what_the_build_was_given_is_not_in_the_image(bundle: Unpacked) -> None:
    image = f"{bundle.project}/site-1:2.9.0"
    looked = docker("run", "--rm", "--entrypoint", "/bin/sh", image, "-c", "ls /dev; env")
    assert "ca_bundle" not in looked
    assert "PIP_" not in looked


def test_without_compose_they_are_built_and_register_too(bundle: Unpacked, without_compose: str) -> None:
    bundle.does("stop")
    forget_images(bundle.project)
    ended = bundle.does("start", DOCKER_CONFIG=without_compose)
    assert "building the image of site-1" in ended.err
    assert "registered: server1 site-1 site-2" in ended.err
    assert "running" in bundle.does("status", DOCKER_CONFIG=without_compose).out


@pytest.fixture(scope="module")
def bridged(engine: None, definition: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unpacked]:
    one = made(tmp_path_factory.mktemp("bridged"), definition, "network: bridge\npublish: 127.0.0.24\n")
    yield one
    one.forget()


def is_federated_on_its_bridge(bundle: Unpacked, **env: str) -> None:
    assert "registered: server1 site-1 site-2" in bundle.does("start", **env).err
    found = docker("ps", "--quiet", "--filter", f"label=flare-composer.deployment={bundle.folder}").split()
    containers = json.loads(docker("inspect", *found))
    assert [list(one["NetworkSettings"]["Networks"]) for one in containers] == 3 * [[f"{bundle.folder.name}_bridge"]]
    hosts = [one["HostConfig"] for one in containers]
    (published,) = [
        binding for host in hosts for bindings in (host["PortBindings"] or {}).values() for binding in bindings
    ]
    assert published["HostIp"] == "127.0.0.24"
    with socket.create_connection(("127.0.0.24", int(published["HostPort"])), timeout=5):
        pass
    status = json.loads(bundle.does("admin", "--format", "json", "system", "status", **env).out)
    assert sorted(client["client_name"] for client in status["data"]["clients"]) == ["site-1", "site-2"]
    bundle.does("stop", **env)
    assert docker("network", "ls", "--quiet", "--filter", f"name={bundle.folder.name}") == ""


def test_on_a_bridge(bridged: Unpacked) -> None:
    is_federated_on_its_bridge(bridged)


def test_on_a_bridge_without_compose(bridged: Unpacked, without_compose: str) -> None:
    is_federated_on_its_bridge(bridged, DOCKER_CONFIG=without_compose)
