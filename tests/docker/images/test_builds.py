"""How builds go: pinned, fresh or stale, through a proxy that intercepts TLS, reproducible, in every shape."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import composer, docker, run
from tests.docker.images.conftest import Built, choice, inside, inspect, write_definition
from tests.golden.images import REQUIREMENTS, shape

pytestmark = pytest.mark.docker


@pytest.fixture
def site(built: Built, definition: Path | None, tmp_path: Path) -> Built:
    """A deployment of one site, nothing built of it yet."""
    path = write_definition(tmp_path / "composer.yml", choice(definition))
    return Built(tmp_path / "deployment", built.kits / "site-1", path)


def test_a_second_build_does_nothing(built: Built) -> None:
    before = [image["id"] for image in built.images()]
    ended = built.build()
    assert (ended.returncode, "all images are fresh" in ended.err) == (0, True), ended.err
    assert "Building" not in ended.err
    assert [image["id"] for image in built.images()] == before
    assert {image["state"] for image in built.images()} == {"fresh"}


def test_only_what_is_stale_is_built(built: Built, site: Built) -> None:
    assert site.definition is not None
    image = choice(site.definition)
    write_definition(
        site.definition, image, participants={"site-1": {"image": {"environment": {"GREETING": 'a "b" $c'}}}}
    )
    site = Built(site.folder, built.kits, site.definition)
    ended = site.build()
    assert ended.returncode == 0, ended.err
    assert "built the images of site-1\n" in ended.err
    try:
        assert inside(site.tag("site-1"), "printenv", "GREETING") == 'a "b" $c\n'
        # Both deployments have the same tags: what one of them built is another image to the other.
        assert {image["name"]: image["state"] for image in built.images()}["site-1"] == "stale"
    finally:
        assert built.build().returncode == 0


def test_everything_is_pinned_and_the_pins_are_honoured(built: Built) -> None:
    text = (built.folder / "images" / "site-1" / "requirements.lock").read_text()
    lines = [line for line in text.replace("\\\n", "").splitlines() if not line.startswith("#")]
    pinned = [re.fullmatch(r"([a-z0-9-]+==\S+)(?: ; [^\\]+?)?( +--hash=sha256:[0-9a-f]{64})+", line) for line in lines]
    pins = {match[1] for match in pinned if match}
    assert len(pins) == len(lines)
    # Of some there are versions for newer Pythons and pins for other systems, too.
    installed = set(inside(built.tag("site-1"), "python3", "-c", _LIST).split())
    assert {pin.split("==")[0] for pin in installed} <= {pin.split("==")[0] for pin in pins}
    assert {pin.split("==")[0] for pin in pins & installed} >= {"nvflare", "numpy", "grpcio", "cryptography"}


def test_one_lock_serves_both_architectures(built: Built) -> None:
    """Wheels are pinned by the hashes of all files that the index has."""
    text = (built.folder / "images" / "site-1" / "requirements.lock").read_text()
    grpcio = re.search(r"^grpcio==.*\n((?:    --hash=.*\n)+)", text, re.MULTILINE)
    assert grpcio is not None
    assert grpcio[1].count("--hash=") > 20


_LIST = """
import re
from importlib.metadata import distributions
for found in distributions():
    print(re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower() + "==" + found.version)
"""


def test_a_package_that_is_not_the_pinned_one_is_refused(built: Built, site: Built) -> None:
    chosen = ["-f", site.definition] if site.definition else []
    assert composer("generate", site.kits, "-C", site.folder, *chosen).returncode == 0
    lock = site.folder / "images" / "site-1" / "requirements.lock"
    text = (built.folder / "images" / "site-1" / "requirements.lock").read_text()
    lock.write_text(re.sub(r"(nvflare==\S+)( +\\\s+--hash=sha256:\S+)+", rf"\1 --hash=sha256:{'0' * 64}", text))
    before = built.tag("site-1"), inspect(built.tag("site-1"))["Id"]
    ended = site.build()
    assert ended.returncode == 1
    assert "a package is not the one that requirements.lock names" in ended.err
    assert "Traceback" not in ended.err
    assert inspect(before[0])["Id"] == before[1]


def test_what_uv_cannot_do_is_done_by_pip_and_that_is_said_once(built: Built, site: Built) -> None:
    assert site.definition is not None
    before = inspect(built.tag("site-1"))["Id"]
    write_definition(site.definition, {**choice(site.definition), "pip_options": ["--no-clean"]})
    try:
        ended = site.build()
        assert ended.returncode == 0, ended.err
        told = "they are not pinned: uv has no option that does what pip's no-clean does"
        assert ended.err.count(told) == 1
        assert inside(site.tag("site-1"), "nvflare", "--version").strip().endswith("2.9.0")
        again = site.build()
        assert (again.returncode, told in again.err, "all images are fresh" in again.err) == (0, False, True), again.err
    finally:
        docker("tag", before, built.tag("site-1"))


def test_a_proxy_that_intercepts_tls_is_named_as_such(site: Built, definition: Path | None) -> None:
    image = choice(definition)
    if "ca_bundle" not in image:
        pytest.skip("no proxy intercepts TLS here")
    del image["ca_bundle"]
    assert site.definition is not None
    # What pip has in its cache needs no connection.
    write_definition(site.definition, {**image, "pip_options": ["--no-cache-dir", "--retries=0"]})
    ended = site.build()
    assert ended.returncode == 1
    assert ended.err.splitlines()[-2:] == [
        "error: the image cannot be built: the package index's TLS certificate is not trusted",
        " hint: a proxy may intercept TLS: name its CA in composer.yml, image.ca_bundle: FILE",
    ]
    assert run(["docker", "image", "inspect", "none:1"]).returncode == 1


def test_two_builds_give_the_same_image(site: Built) -> None:
    """Its layers on every engine; its configuration where BuildKit heeds SOURCE_DATE_EPOCH, as engine 26 does."""
    assert site.definition is not None
    write_definition(site.definition, {**choice(site.definition), "packages": ["libgomp1"]})
    generated = composer("generate", site.kits, "-f", site.definition, "-C", site.folder)
    assert generated.returncode == 0, generated.err
    first, second = (_built_anew(site, f"composer-twice:{number}") for number in (1, 2))
    try:
        assert inspect(first)["RootFS"] == inspect(second)["RootFS"]
        assert inspect(first)["Config"] == inspect(second)["Config"]
        if _engine() >= 26:
            assert inspect(first)["Id"] == inspect(second)["Id"]
            assert inspect(first)["Created"] == "2025-01-01T00:00:00Z"
    finally:
        run(["docker", "image", "rm", "--force", first, second])


def _engine() -> int:
    return int(docker("version", "--format", "{{.Server.Version}}").split(".")[0])


def _built_anew(site: Built, tag: str) -> str:
    context = site.folder / "images" / "site-1"
    secrets = choice(site.definition)
    given = [f"--secret=id={name},src={secrets[name]}" for name in ("ca_bundle", "pip_config") if name in secrets]
    argv = ["docker", "buildx", "build", "-q", "--no-cache", "--network=host", "--load", *given, "--tag", tag, context]
    ended = run(argv, env={"SOURCE_DATE_EPOCH": "1735689600"})
    assert ended.returncode == 0, ended.err
    return tag


def test_compose_alone_builds_what_composer_does(built: Built) -> None:
    before = inspect(built.tag("site-1"))
    try:
        docker("compose", "-f", str(built.folder / "docker-compose.yml"), "build", "--quiet", "site-1")
        assert inspect(built.tag("site-1"))["RootFS"] == before["RootFS"]
        assert inspect(built.tag("site-1"))["Config"]["Labels"].items() >= before["Config"]["Labels"].items()
    finally:
        docker("tag", before["Id"], built.tag("site-1"))


def _base_without_python(base: str) -> str:
    return (
        f"FROM {base}\nRUN apt-get purge -y -qq --allow-remove-essential python3-minimal python3.11-minimal "
        "python3.13-minimal libpython3.11-minimal libpython3.13-minimal || "
        "apt-get purge -y -qq python3-minimal; ! command -v python3\n"
    )


def _base_of_a_framework(base: str) -> str:
    """A stand-in for a GPU framework's image: packages of its own, a user and an entrypoint of its own."""
    return (
        f"FROM {base}\n"
        "RUN mkdir -p /usr/lib/python3/dist-packages/packaging /usr/lib/python3/dist-packages/packaging-24.0.dist-info;"
        " echo 'ORIGIN = \"framework\"' > /usr/lib/python3/dist-packages/packaging/__init__.py;"
        " printf 'Metadata-Version: 2.1\\nName: packaging\\nVersion: 24.0\\n'"
        " > /usr/lib/python3/dist-packages/packaging-24.0.dist-info/METADATA\n"
        'USER 1234\nENTRYPOINT ["/bin/false"]\n'
    )


def _make(tag: str, dockerfile: str, folder: Path) -> str:
    (folder / "Dockerfile").write_text(dockerfile)
    docker("buildx", "build", "-q", "--network=host", "--load", "--tag", tag, str(folder))
    return tag


@pytest.fixture(params=["without-python", "requirements", "gpu-framework"])
def shaped(request: pytest.FixtureRequest, definition: Path | None, tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """A shape of image, and the ``image:`` that gives it on this machine."""
    image = choice(definition)
    base = image.get("base", "python:3.12-slim-bookworm")
    if request.param == "without-python":
        if "base" in image:
            base = _make("composer-test-without-python:1", _base_without_python(base), tmp_path)
        else:
            base = "debian:12-slim"
    elif request.param == "gpu-framework":
        base = _make("composer-test-framework:1", _base_of_a_framework(base), tmp_path)
    more: dict[str, Any] = {}
    if request.param == "requirements":
        (tmp_path / "requirements.txt").write_text(REQUIREMENTS)
        more = {
            "packages": ["libgomp1"],
            "requirements": str(tmp_path / "requirements.txt"),
            "pip_options": ["--retries=2"],
            "environment": {"GREETING": 'a "b" $c \\d'},
        }
    return request.param, {**image, "base": base, **more}


def test_every_shape_can_be_built(shaped: tuple[str, dict[str, Any]], site: Built) -> None:
    name, image = shaped
    assert site.definition is not None
    write_definition(site.definition, image, participants={})
    tag = "composer-test-shape:1"
    ended = site.build()
    assert ended.returncode == 0, ended.err
    docker("tag", site.tag("site-1"), tag)
    try:
        dockerfile = (site.folder / "images" / "site-1" / "Dockerfile").read_text()
        assert _skeleton(dockerfile) == _skeleton(_golden(name))
        assert inside(tag, "nvflare", "--version").strip().endswith("2.9.0")
        if name == "requirements":
            assert inside(tag, "python3", "-c", "import packaging; print(packaging.__version__)") == "25.0\n"
            assert inside(tag, "dpkg-query", "-W", "-f", "${Status}", "libgomp1") == "install ok installed"
            assert inside(tag, "printenv", "GREETING") == 'a "b" $c \\d\n'
        if name == "gpu-framework":
            assert inside(tag, "python3", "-c", "import packaging; print(packaging.ORIGIN)") == "framework\n"
            assert "packaging==" not in (site.folder / "images/site-1/requirements.lock").read_text()
    finally:
        run(["docker", "image", "rm", "--force", tag, image["base"] if "composer-test" in image["base"] else tag])


def _golden(name: str) -> str:
    from composer.render.dockerfile import render_context

    (file,) = [file for file in render_context(shape(name)) if file.path.name == "Dockerfile"]
    return file.content.decode()


def _skeleton(dockerfile: str) -> str:
    """Without what the machine brings: the base's name, its CA, and hashes."""
    text = re.sub(r"FROM \S+:\S+ AS (base|mountpoints)", r"FROM BASE AS \1", dockerfile)
    text = re.sub(r"    --mount=type=secret\S* \\\n|PIP_CERT=\S+ |-o Acquire::https::CAInfo=\S+ ", "", text)
    return re.sub(r"[0-9a-f]{64}", "SHA256", text)


def test_offline_needs_the_base_image_on_the_engine(site: Built) -> None:
    assert site.definition is not None
    write_definition(site.definition, {"base": "nobody.example/base:1"})
    ended = site.build("--offline")
    assert ended.returncode == 1
    assert ended.err.splitlines()[-2:] == [
        "error: the base image nobody.example/base:1 is not on this engine",
        " hint: load it (docker load -i FILE), or build where a registry can be reached",
    ]


def test_without_buildx_the_error_says_so(site: Built, tmp_path: Path) -> None:
    plugins = tmp_path / "docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    found = json.loads(docker("info", "--format", "{{json .ClientInfo.Plugins}}"))
    compose = next(plugin["Path"] for plugin in found if plugin["Name"] == "compose")
    (plugins / "docker-compose").symlink_to(compose)
    environment = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    if run(["docker", "buildx", "version"], env=environment).returncode == 0:
        pytest.skip("this machine has buildx for all users")
    site.environment.update(environment)
    assert site.definition is not None
    write_definition(site.definition, {**choice(site.definition), "environment": {"STALE": "yes"}})
    ended = site.build()
    assert ended.returncode == 1
    assert ended.err.splitlines()[-2:] == [
        "error: images cannot be built: Docker's buildx is not installed",
        " hint: install Docker's buildx plugin (docker-buildx-plugin)",
    ]


def test_gpus_are_refused_where_the_engine_has_none(built: Built, definition: Path | None, tmp_path: Path) -> None:
    if run(["docker", "run", "--rm", "--gpus", "all", "--entrypoint", "true", built.tag("site-1")]).returncode == 0:
        pytest.skip("this engine has GPUs")
    keys = {"participants": {"site-1": {"gpus": [0, 1], "shm_size": "1g"}}}
    path = write_definition(tmp_path / "composer.yml", choice(definition), **keys)
    ended = composer("up", built.kits, "-C", tmp_path / "deployment", "-f", path)
    assert ended.returncode == 1
    assert ended.err.splitlines()[-2:] == [
        "error: site-1 is to have GPUs, but the engine has no NVIDIA runtime",
        " hint: install the NVIDIA Container Toolkit where the engine runs, or take gpus out of composer.yml",
    ]
    label = f"label=flare-composer.deployment={tmp_path / 'deployment'}"
    assert docker("ps", "-aq", "--filter", label) == ""
