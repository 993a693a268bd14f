"""What the steps of a build reach, which run what packages bring: not the host's network, unless it must be; and what
they install: what was pinned, and nothing else.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from composer.images import build_network as module
from composer.images.build import Buildx
from composer.images.build_network import build_network
from composer.model.federation import Image
from composer.render.compose import compose_document
from composer.render.dockerfile import render_context
from tests.golden.cases import two_sites

IMAGE = Image(tag="p/s:2.9.0", base="debian:12", nvflare="2.9.0")
LOCK = "# Found out by composer for abc\nnvflare==2.9.0 --hash=sha256:00\n"
LOOPBACK = ("http://localhost:3128", "http://user:pw@127.0.0.1:3128", "http://[::1]:3128/", "http://LOCALHOST")
ELSEWHERE = (
    *("http://proxy.example:3128", "http://127.0.0.1.example/", "http://localhost.example", "http://my-localhost:1"),
    *("http://10.127.0.0.1.example", "http://[::10]:3128", ""),
)
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy, no settings of Docker's client, and an engine that has a bridge."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setattr(module, "_has_bridge", lambda: True)


def networks(image: Image) -> set[str]:
    """Of all commands that have BuildKit run something of this image."""
    commands = (
        Buildx("default").build(Path("/d/images/site-1"), image, ["p/a:1"], offline=False),
        *(Buildx("default").export(Path("/d"), target, Path("/out"), image) for target in ("lock", "wheels")),
    )
    return {one.argv[one.argv.index("--network") + 1] for one in commands}


def test_a_build_has_a_network_of_its_own() -> None:
    assert networks(IMAGE) == {"default"}
    assert build_network(IMAGE, offline=True) == "none"


def test_offline_is_offline_whatever_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", LOOPBACK[0])
    assert build_network(replace(IMAGE, build_network="host"), offline=True) == "none"


@pytest.mark.parametrize("address", LOOPBACK)
def test_what_is_on_loopback_alone_is_reached_by_the_hosts_network(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, address)
        assert networks(IMAGE) == {"host"}
        monkeypatch.delenv(name)
    assert networks(replace(IMAGE, pip_options=(f"--index-url={address}",))) == {"host"}
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {address}\n")
    assert networks(replace(IMAGE, pip_config=tmp_path / "pip.conf")) == {"host"}
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/config.json").write_text(json.dumps({"proxies": {"default": {"httpsProxy": address}}}))
    assert networks(IMAGE) == {"host"}


@pytest.mark.parametrize("address", ELSEWHERE)
def test_no_other_address_opens_the_hosts_network(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, address)
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {address}\n")
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/config.json").write_text(json.dumps({"proxies": {"default": {"httpsProxy": address}}}))
    image = replace(IMAGE, pip_config=tmp_path / "pip.conf", pip_options=(f"--index-url={address}",))
    assert networks(image) == {"default"}


def test_only_who_asks_for_it_or_has_no_other_gets_the_hosts_network(monkeypatch: pytest.MonkeyPatch) -> None:
    assert networks(replace(IMAGE, build_network="host")) == {"host"}
    monkeypatch.setattr(module, "_has_bridge", lambda: False)
    assert networks(IMAGE) == {"host"}


@pytest.mark.parametrize("lock", ["", LOCK])
def test_no_file_that_is_rendered_opens_it_by_itself(lock: str) -> None:
    federation = two_sites()
    federation = replace(
        federation,
        participants=tuple(replace(one, image=replace(one.image, lock=lock)) for one in federation.participants),
    )
    for service in compose_document(federation)["services"].values():
        assert "network" not in service["build"]
        assert not {"privileged", "entitlements", "extra_hosts"} & set(service["build"])
    for participant in federation.participants:
        for file in render_context(participant):
            if file.path.name == "Dockerfile":
                assert not re.search(rb"--network|--security|type=ssh", file.content)


def test_what_is_pinned_is_installed_by_its_hashes_alone() -> None:
    participant = replace(two_sites().participants[0], image=replace(IMAGE, lock=LOCK))
    dockerfile = next(file.content.decode() for file in render_context(participant) if file.path.name == "Dockerfile")
    assert "COPY requirements.lock /opt/requirements.txt" in dockerfile
    assert "pip install" not in dockerfile
    # That this takes hashes alone is in tests/unit/dockerfiles/test_packages.py.
    installs = re.findall(r"packages\.py install.*?-r ([^;\s]+)", dockerfile, re.DOTALL)
    assert installs == ["/opt/requirements.txt"]
