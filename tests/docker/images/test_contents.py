"""What is in the images, in the build contexts and in the deployment folder, and what must not be."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.conftest import docker, run
from tests.docker.images.conftest import Built, choice, inside, inspect, layer_files

pytestmark = pytest.mark.docker

# A header alone is what libraries search for; a key has its base64 below it.
_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{32}")
_LARGEST_ON_TOP, _LARGEST = 190e6, 385e6


def key_bodies(kits: Path) -> list[bytes]:
    """A line from the middle of every private key of every kit: bytes that are nowhere else."""
    keys = sorted(kits.glob("*/startup/*.key"))
    assert len(keys) == 4
    bodies = [key.read_bytes().splitlines()[5] for key in keys]
    assert all(len(body) == 64 for body in bodies)
    return bodies


def test_no_key_is_in_any_layer(built: Built, saved: Path) -> None:
    bodies = key_bodies(built.kits)
    searched = 0
    for layer, name, _, content in layer_files(saved / "images.tar"):
        data = content.read() if content else b""
        assert not any(body in data for body in bodies), (layer, name)
        # GnuTLS holds public keys' private halves for its self-tests.
        assert data.startswith(b"\x7fELF") or not _KEY.search(data), (layer, name)
        assert not name.endswith((".key", ".pfx", ".p12")), (layer, name)
        searched += bool(data)
    assert searched > 5000


def test_the_search_finds_a_key(built: Built) -> None:
    keys = sorted(built.kits.glob("*/startup/*.key"))
    assert all(_KEY.search(key.read_bytes()) for key in keys)


def test_no_key_is_in_the_deployment_folder(built: Built) -> None:
    bodies = key_bodies(built.kits)
    for path in built.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(body in data for body in bodies), path
            assert b"PRIVATE KEY" not in data, path


def test_a_key_beside_a_context_does_not_enter_it(built: Built, tmp_path: Path) -> None:
    context = built.folder / "images" / "site-1"
    canaries = [context / "canary.key", context / "keys" / "canary.pem", context / "requirements.txt.key"]
    probe = tmp_path / "Dockerfile"
    probe.write_text("FROM scratch\nCOPY . /\n")
    try:
        for canary in canaries:
            canary.parent.mkdir(exist_ok=True)
            canary.write_bytes((built.kits / "site-1" / "startup" / "client.key").read_bytes())
        docker("buildx", "build", "-q", "--output", f"type=local,dest={tmp_path / 'seen'}", "-f", probe, context)
    finally:
        for canary in canaries:
            canary.unlink(missing_ok=True)
        (context / "keys").rmdir()
    seen = {str(path.relative_to(tmp_path / "seen")) for path in (tmp_path / "seen").rglob("*")}
    scripts = {"acceptance.py", "entrypoint.sh", "healthcheck.sh", "packages.py", "unix_socket_driver.py"}
    assert seen == {*scripts, "requirements.lock", "requirements.txt"}


def test_the_image_is_small(built: Built, definition: Path | None) -> None:
    base = choice(definition).get("base")
    for image in built.images():
        if base is not None:
            assert image["size"] - inspect(base)["Size"] <= _LARGEST_ON_TOP
            assert image["size"] <= _LARGEST


def test_all_participants_share_every_layer(built: Built) -> None:
    layers = {tuple(inspect(image["tag"])["RootFS"]["Layers"]) for image in built.images()}
    assert len(layers) == 1
    assert {image["own"] for image in built.images()} == {0}


def test_sites_have_the_very_same_image_and_it_names_none_of_them(built: Built) -> None:
    first, second = (image for image in built.images() if image["type"] == "client")
    assert first["id"] == second["id"]
    config = inspect(first["tag"])["Config"]
    assert "site-1" not in json.dumps(config)
    assert set(config["Labels"]) == {f"flare-composer.{key}" for key in ("inputs", "nvflare", "type", "version")}
    assert (config["Labels"]["flare-composer.type"], config["Labels"]["flare-composer.nvflare"]) == ("client", "2.9.0")


def test_who_runs_it_is_a_number_and_the_entrypoint_is_no_shell_line(built: Built) -> None:
    config = inspect(built.tag("site-1"))["Config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/opt/composer/entrypoint.sh"]
    assert not config.get("Cmd")


def test_nothing_can_raise_privileges_and_no_tool_was_left(built: Built) -> None:
    tag = built.tag("server1")
    assert inside(tag, "find", "/", "-xdev", "-perm", "/6000", "-type", "f", user="0") == ""
    assert inside(tag, "find", "/var/lib/apt/lists", "-type", "f") == ""
    assert inside(tag, "sh", "-c", "ls -d /opt/* /staged /found /wheels 2>/dev/null; true").split() == [
        "/opt/composer",
        "/opt/flare",
    ]
    tools = [part for name in ("pip", "pip-*", "uv", "uv-*") for part in ("-o", "-name", name)][1:]
    assert inside(tag, "find", "/opt", "/root", *tools, user="0") == ""


_MISSING = """
import importlib, pathlib, pkgutil, sys
from importlib.metadata import packages_distributions

site = next(pathlib.Path("/opt/flare/lib").glob("python3*/site-packages"))
installed, lacking = set(packages_distributions()), {}
def look(package):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=lambda name: None):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name.split(".")[0] in installed:
                lacking[module.name] = error.name
        except BaseException:
            pass
import nvflare, numpy.testing, numpy.f2py, sqlalchemy.orm
look(nvflare)
print(sorted(lacking.items()))
cached = {path.name.split(".cpython-")[0] for path in site.glob("nvflare/**/*.pyc")}
print(sorted({path.stem for path in site.glob("nvflare/**/*.py")} - cached))
"""


def test_nothing_that_nvflare_imports_is_missing_and_all_of_it_is_compiled(built: Built) -> None:
    out = inside(built.tag("server1"), "python3", "-W", "ignore", "-c", _MISSING).splitlines()
    assert out[-2:] == ["[]", "[]"]


def test_the_bill_of_materials_is_what_is_installed(built: Built, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        ended = run([*_sbom(built), tmp_path / folder])
        assert ended.returncode == 0, ended.err
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert "server1.cdx.json" in files
    assert len(files) == 4
    assert (tmp_path / "one/site-1.cdx.json").read_bytes() == (tmp_path / "two/site-1.cdx.json").read_bytes()
    bill = json.loads((tmp_path / "one/site-1.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    found = {item["purl"]: item for item in bill["components"] if "purl" in item}
    assert "pkg:pypi/nvflare@2.9.0" in found
    lock = (built.folder / "images/site-1/requirements.lock").read_text()
    pinned = {f"pkg:pypi/{line.split(' ')[0].replace('==', '@')}" for line in lock.splitlines() if "==" in line[:60]}
    # Some pins are for newer Pythons and other systems.
    python = {
        purl for purl in found if purl.startswith("pkg:pypi/") and not re.match("pkg:pypi/(pip|setuptools)@", purl)
    }
    assert python <= pinned
    debian = inside(built.tag("site-1"), "dpkg-query", "-W", "-f", "${Package}\\n").split()
    assert len([purl for purl in found if purl.startswith("pkg:deb/")]) == len(debian)


def _sbom(built: Built) -> list[str | Path]:
    return [sys.executable, "-m", "composer", "images", "sbom", "-C", built.folder]
