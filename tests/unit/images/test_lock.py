"""A lock says what it was found out for, pins all of pip's report, and keeps where packages come from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from composer.definition import Definition
from composer.images.build_inputs import load_build_inputs
from composer.images.lock import add_wheels, key_of_lock, lock_key, render_lock
from composer.model.errors import ComposerError
from composer.model.federation import Image, Wheelhouse
from composer.model.kit import Project

IMAGE = Image(tag="p/s:2.9.0", base="debian:12", nvflare="2.9.0", requirements="nvflare==2.9.0\n")


def report(*packages: tuple[str, str, str]) -> str:
    """pip's installation report, as pip 23.0 writes it, reduced to what counts."""
    items = [
        {
            "download_info": {"url": f"https://index.example/{name}.whl", "archive_info": {"hashes": {"sha256": sha}}},
            "metadata": {"name": name, "version": version},
        }
        for name, version, sha in packages
    ]
    environment = {"python_version": "3.11", "platform_machine": "x86_64"}
    return json.dumps({"version": "1", "pip_version": "23.0.1", "install": items, "environment": environment})


def test_all_packages_are_pinned_in_order_and_nothing_of_the_index_is_kept() -> None:
    lock = render_lock(report(("PyYAML", "6.0.3", "b" * 64), ("Flask_JWT.Extended", "4.6.0", "a" * 64)), IMAGE)
    assert lock.splitlines()[2:] == [
        f"flask-jwt-extended==4.6.0 --hash=sha256:{'a' * 64}",
        f"pyyaml==6.0.3 --hash=sha256:{'b' * 64}",
    ]
    assert "index.example" not in lock
    assert "Python 3.11, x86_64" in lock


def test_a_lock_knows_what_it_was_found_out_for() -> None:
    assert key_of_lock(render_lock(report(), IMAGE)) == lock_key(IMAGE)
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
    image = replace(IMAGE, requirements="--extra-index-url https://wheels.example/cpu\nnvflare==2.9.0\ntorch # --pre\n")
    lock = render_lock(report(("torch", "2.9.1+cpu", "c" * 64)), image)
    assert lock.splitlines()[2:] == [
        "--extra-index-url https://wheels.example/cpu",
        f"torch==2.9.1+cpu --hash=sha256:{'c' * 64}",
    ]


def test_an_index_without_hashes_is_refused() -> None:
    document = json.loads(report(("a", "1", "")))
    with pytest.raises(ComposerError, match="gives no SHA-256 of a 1"):
        render_lock(json.dumps(document), IMAGE)


def test_a_wheel_that_was_built_from_source_is_accepted_beside_the_source() -> None:
    lock = render_lock(report(("pyhocon", "0.3.63", "a" * 64), ("numpy", "2.4.6", "b" * 64)), IMAGE)
    wheels = {
        "pyhocon-0.3.63-py3-none-any.whl": "c" * 64,
        "numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl": "b" * 64,
        "pip-26.3-py3-none-any.whl": "d" * 64,
    }
    added = add_wheels(lock, wheels)
    assert f"pyhocon==0.3.63 --hash=sha256:{'a' * 64} --hash=sha256:{'c' * 64}\n" in added
    assert f"numpy==2.4.6 --hash=sha256:{'b' * 64}\n" in added
    assert "pip==" not in added
    assert key_of_lock(added) == lock_key(IMAGE)


def test_the_lock_of_one_that_is_built_from_wheels_is_not_taken_for_the_others(tmp_path: Path) -> None:
    lock = render_lock(report(("pyhocon", "0.3.63", "a" * 64)), IMAGE)
    of_wheels = add_wheels(lock, {"pyhocon-0.3.63-py3-none-any.whl": "c" * 64})
    mount = "RUN --mount=type=bind,from=flare-composer-wheels:0123456789abcdef,target=/wheels true\n"
    for service, dockerfile, text in (("server1", "FROM x\n", lock), ("site-1", mount, of_wheels)):
        folder = tmp_path / "images" / service
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text(dockerfile)
        (folder / "requirements.lock").write_text(text)
    assert load_build_inputs(Project("p", ()), Definition(), tmp_path).locks == {(None, lock_key(IMAGE)): lock}
