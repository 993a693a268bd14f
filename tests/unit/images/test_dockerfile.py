"""A build context has what its image needs and nothing else, and its hash tells when the image is stale."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.model.federation import Image, Participant, Wheelhouse
from composer.render import dockerfile
from composer.render.dockerfile import build_secrets, inputs_hash, render_context, render_resolution
from tests.golden.cases import SERVER, two_sites

FEDERATION = two_sites()
SITE = next(p for p in FEDERATION.participants if p.name == "site-1")
OTHER = next(p for p in FEDERATION.participants if p.name == "site-2")


def with_image(**changes: object) -> Participant:
    return replace(SITE, image=replace(SITE.image, **changes))  # type: ignore[arg-type]


def context(participant: Participant) -> dict[str, str]:
    return {file.path.name: file.content.decode() for file in render_context(participant)}


def test_a_context_holds_what_the_dockerfile_copies_and_ignores_all_else() -> None:
    files = context(with_image(lock="pins\n"))
    copied = [
        *("acceptance.py", "entrypoint.sh", "healthcheck.sh", "packages.py"),
        *("requirements.lock", "requirements.txt"),
        "unix_socket_driver.py",
    ]
    assert sorted(files) == [".dockerignore", "Dockerfile", *copied]
    assert files[".dockerignore"].splitlines() == ["*", *(f"!{name}" for name in copied)]


def test_sites_differ_in_nothing() -> None:
    assert context(SITE) == context(OTHER)
    assert "site-1" not in "".join(context(SITE).values())


def test_participants_of_another_type_differ_in_labels_alone() -> None:
    server = next(p for p in FEDERATION.participants if p.name == SERVER)
    lines = zip(context(server)["Dockerfile"].splitlines(), context(SITE)["Dockerfile"].splitlines(), strict=True)
    assert all("flare-composer.type=" in a for a, b in lines if a != b)


@pytest.mark.parametrize(
    "changes",
    [
        {"base": "debian:13"},
        {"nvflare": "2.8.3"},
        {"packages": ("git",)},
        {"requirements": "nvflare==2.9.0\nmonai\n"},
        {"lock": "pins\n"},
        {"pip_options": ("--pre",)},
        {"environment": (("A", "b"),)},
        {"wheels": Wheelhouse(Path("/w"), "flare-composer-wheels:1")},
        {"ca_bundle": Path("/ca.pem")},
    ],
)
def test_an_image_of_other_inputs_is_stale(changes: dict[str, object]) -> None:
    assert inputs_hash(with_image(**changes)) != inputs_hash(SITE)


def test_an_image_is_not_stale_for_its_name_or_for_composers_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = inputs_hash(SITE)
    monkeypatch.setattr(dockerfile, "__version__", "99.0.0")
    assert "99.0.0" in context(SITE)["Dockerfile"]
    assert inputs_hash(SITE) == before
    assert inputs_hash(with_image(tag="elsewhere/x:1")) == before


def test_secrets_are_mounted_by_their_ids_and_never_copied() -> None:
    site = with_image(ca_bundle=Path("/home/me/ca.pem"), pip_config=Path("/home/me/pip.conf"))
    assert build_secrets(site.image) == (
        ("ca_bundle", Path("/home/me/ca.pem")),
        ("pip_config", Path("/home/me/pip.conf")),
    )
    files = "".join(context(site).values())
    assert "--mount=type=secret,id=pip_config" in files
    assert files.count("PIP_CERT=/dev/ca_bundle PIP_CONFIG_FILE=/dev/pip_config python3 /opt/packages.py") == 2
    assert "/home/me" not in files


def test_what_another_machine_builds_takes_its_secrets_or_none() -> None:
    site = with_image(elsewhere=True)
    assert build_secrets(site.image) == ()
    text = context(site)["Dockerfile"]
    assert "--mount=type=secret,id=ca_bundle,target=/dev/ca_bundle" in text
    assert 'PIP_CERT="$(ls /dev/ca_bundle 2>/dev/null)" PIP_CONFIG_FILE="$(ls /dev/pip_config 2>/dev/null)"' in text
    assert '-o Acquire::https::CAInfo="$(ls /dev/ca_bundle 2>/dev/null)" update' in text
    assert "required" not in text


def test_a_frontend_is_never_fetched() -> None:
    assert all("syntax=" not in text for text in context(SITE).values())


def test_a_lock_is_installed_in_place_of_the_requirements() -> None:
    assert "COPY requirements.lock /opt/requirements.txt" in context(with_image(lock="pins\n"))["Dockerfile"]
    assert "COPY requirements.txt /opt/requirements.txt" in context(SITE)["Dockerfile"]


def test_uv_comes_from_where_packages_do_and_is_kept_while_that_stays() -> None:
    """Else each change of an option would fetch it again."""
    requirements = "--extra-index-url https://two.example/simple  # ours\nnvflare==2.9.0\n--pre\n"
    options = ("--index-url=https://one.example/simple", "--timeout=7", "--trusted-host=one.example")
    text = context(with_image(requirements=requirements, pip_options=options))["Dockerfile"]
    line = next(line for line in text.splitlines() if "packages.py bring" in line)
    assert line.partition(" -- ")[2] == (
        "--index-url=https://one.example/simple --trusted-host=one.example --extra-index-url https://two.example/simple"
    )


def test_uv_stays_out_of_the_image() -> None:
    last = context(with_image(lock="pins\n"))["Dockerfile"].split("\nFROM ")[-1]
    assert last.startswith("base\n")
    assert "uv" not in last


def test_wheels_stand_for_the_index() -> None:
    text = context(with_image(wheels=Wheelhouse(Path("/w"), "flare-composer-wheels:1", has_pip=True)))["Dockerfile"]
    assert "--mount=type=bind,from=flare-composer-wheels:1,target=/wheels" in text
    assert "--no-index --find-links=/wheels" in text
    assert "--uv '/wheels/uv-*.whl' --pip '/wheels/pip-*.whl'" in text
    assert "python3-venv" not in text
    assert "bring" not in text


def test_wheels_without_pip_need_the_base_images() -> None:
    assert "-m venv /opt/pip" in context(with_image(wheels=Wheelhouse(Path("/w"), "w:1")))["Dockerfile"]


def test_resolving_needs_no_script_and_no_lock() -> None:
    image = Image(tag="p/s:1", base="debian:12", nvflare="2.9.0", requirements="nvflare==2.9.0\n")
    files = {str(file.path): file.content.decode() for file in render_resolution(image)}
    assert set(files) == {".dockerignore", "Dockerfile", "packages.py", "requirements.txt"}
    assert "AS lock" in files["Dockerfile"]
    assert "AS wheels" not in files["Dockerfile"]


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=30))
def test_values_of_the_environment_stay_one_value(value: str) -> None:
    text = context(with_image(environment=(("NAME", value),)))["Dockerfile"]
    (line,) = [line for line in text.splitlines() if line.startswith("ENV NAME=")]
    written = line.removeprefix("ENV NAME=")
    assert written[0] == written[-1] == '"'
    # Between double quotes Docker reads a backslash before these as the character itself.
    assert re.sub(r'\\(["$\\])', r"\1", written[1:-1]) == value


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=30))
def test_pip_options_stay_one_word(value: str) -> None:
    text = context(with_image(pip_options=(f"--x={value}",)))["Dockerfile"]
    line = next(line for line in text.splitlines() if "-r /opt/requirements.txt" in line)
    assert shlex.split(line.removesuffix("; \\").partition(" -- ")[2]) == [f"--x={value}"]
