"""A lock says what it was found out for, holds what uv found out, and keeps where packages come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from composer.definition import Definition
from composer.images.build_inputs import load_build_inputs
from composer.images.lock import key_of_lock, lock_key, render_lock, render_unpinned
from composer.model.errors import ComposerError
from composer.model.federation import Image, Wheelhouse
from composer.model.kit import Project

IMAGE = Image(tag="p/s:2.9.0", base="debian:12", nvflare="2.9.0", requirements="nvflare==2.9.0\n")


PINS = f"""\
flask-jwt-extended==4.6.0 \\
    --hash=sha256:{"a" * 64} \\
    --hash=sha256:{"b" * 64}
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:{"c" * 64}
"""


def test_what_uv_found_out_is_kept_as_it_is() -> None:
    assert render_lock(PINS, IMAGE).endswith("\n" + PINS)


def test_a_lock_knows_what_it_was_found_out_for() -> None:
    assert key_of_lock(render_lock(PINS, IMAGE)) == key_of_lock(render_unpinned(IMAGE)) == lock_key(IMAGE)
    assert key_of_lock("nvflare==2.9.0\n") == ""


@pytest.mark.parametrize(
    "other",
    [
        replace(IMAGE, base="debian:13"),
        replace(IMAGE, packages=("libgomp1",)),
        replace(IMAGE, pip_options=("--pre",)),
        replace(IMAGE, packages=("--pre",)),
        replace(IMAGE, requirements="nvflare==2.8.3\n"),
    ],
)
def test_another_environment_has_another_key(other: Image) -> None:
    assert lock_key(other) != lock_key(IMAGE)


def test_what_decides_nothing_about_packages_is_not_in_the_key() -> None:
    other = replace(
        IMAGE, tag="q/t:1", environment=(("A", "b"),), ca_bundle=Path("/ca"), wheels=Wheelhouse(Path("/w"), "w:1")
    )
    assert lock_key(other) == lock_key(IMAGE)


def test_the_options_of_requirements_go_into_the_lock() -> None:
    hashed = f"nvflare==2.9.0 \\\n    --hash=sha256:{'d' * 64}\n"
    image = replace(IMAGE, requirements=f"--extra-index-url https://wheels.example/cpu\n{hashed}torch # --pre\n")
    lines = render_lock(PINS, image).splitlines()
    assert lines[2:4] == ["--extra-index-url https://wheels.example/cpu", "flask-jwt-extended==4.6.0 \\"]


def test_an_index_without_hashes_is_refused() -> None:
    with pytest.raises(ComposerError, match="gives no SHA-256 of a==1"):
        render_lock("a==1\n" + PINS, IMAGE)


def test_what_is_not_pinned_says_so_and_names_what_is_asked_for() -> None:
    image = replace(IMAGE, requirements="--pre\nnvflare==2.9.0\n")
    assert render_unpinned(image).splitlines()[1:] == [
        "# Not pinned, since uv cannot be used.",
        "--pre",
        "nvflare==2.9.0",
    ]


def test_the_lock_of_one_that_is_built_from_wheels_is_not_taken_for_the_others(tmp_path: Path) -> None:
    lock = render_lock(PINS, IMAGE)
    of_wheels = render_lock(PINS.replace("a" * 64, "e" * 64), IMAGE)
    mount = "RUN --mount=type=bind,from=flare-composer-wheels:0123456789abcdef,target=/wheels true\n"
    for service, dockerfile, text in (("server1", "FROM x\n", lock), ("site-1", mount, of_wheels)):
        folder = tmp_path / "images" / service
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text(dockerfile)
        (folder / "requirements.lock").write_text(text)
    assert load_build_inputs(Project("p", ()), Definition(), tmp_path).locks == {(None, lock_key(IMAGE)): lock}
