"""What a definition says of images is filled in, and nothing that is no such name gets into a Dockerfile."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.definition import ImageChoice
from composer.images.build_inputs import BuildInputs
from composer.images.lock import lock_key
from composer.model.errors import ComposerError
from composer.model.federation import Image, Wheelhouse
from composer.resolve.image import resolve_image

FILE = Path("/srv/requirements.txt")


def resolve(own: ImageChoice, common: ImageChoice | None = None, text: str = "", **build_inputs: object) -> Image:
    known = BuildInputs(requirements={FILE: text}, **build_inputs)  # type: ignore[arg-type]
    return resolve_image("project/site-1", "2.9.0", own, common or ImageChoice(), known)


def test_nvflare_in_the_kits_version_is_always_asked_for() -> None:
    assert resolve(ImageChoice()).requirements == "nvflare==2.9.0\n"
    assert resolve(ImageChoice(requirements=FILE), text="monai").requirements == "nvflare==2.9.0\nmonai\n"


def test_requirements_that_say_which_nvflare_are_left_alone() -> None:
    text = f"nvflare==2.9.0 --hash=sha256:{'a' * 64}\nnumpy==2.4.6 --hash=sha256:{'b' * 64}\n"
    assert resolve(ImageChoice(requirements=FILE), text=text).requirements == text


def test_environments_are_merged_and_the_rest_is_the_participants_or_the_federations() -> None:
    common = ImageChoice(base="base:1", environment={"A": "1", "B": "1"}, pip_options=("--pre",))
    image = resolve(ImageChoice(environment={"B": "2"}, packages=("git",)), common)
    assert (image.base, image.packages, image.pip_options) == ("base:1", ("git",), ("--pre",))
    assert image.environment == (("A", "1"), ("B", "2"))


def test_a_local_version_gives_a_tag_that_docker_takes() -> None:
    assert resolve(ImageChoice(nvflare="2.9.0+site.1")).tag == "project/site-1:2.9.0-site.1"


def test_the_lock_that_was_found_out_for_it_is_honoured() -> None:
    key = lock_key(resolve(ImageChoice()))
    assert resolve(ImageChoice(), locks={(None, key): "pins"}).lock == "pins"
    assert resolve(ImageChoice(packages=("git",)), locks={(None, key): "pins"}).lock == ""


def test_a_wheelhouse_has_its_own_locks() -> None:
    folder = Path("/srv/wheels")
    house = Wheelhouse(folder, "flare-composer-wheels:1", has_pip=True)
    key = lock_key(resolve(ImageChoice()))
    locks = {(None, key): "of the deployment", (folder, key): "of the wheels"}
    image = resolve(ImageChoice(wheels=folder), wheelhouses={folder: house}, locks=locks)
    assert (image.wheels, image.lock) == (house, "of the wheels")
    assert resolve(ImageChoice(), locks={(folder, key): "of the wheels"}).lock == ""


@pytest.mark.parametrize("registry", ["registry.example", "registry.example:5000/flare", "localhost/a/b-c", "hub:5000"])
def test_an_image_of_a_registry_has_its_name_in_it(registry: str) -> None:
    image = resolve(ImageChoice(), ImageChoice(registry=registry))
    assert (image.tag, image.registry) == (f"{registry}/project/site-1:2.9.0", registry)


REFUSED = [
    *(
        (ImageChoice(registry=name), "image.registry")
        for name in ("", "flare", "https://registry.example", "registry.example/", "registry.example/-rf", "a.b/c:1")
    ),
    (ImageChoice(base="debian"), "base: 'debian' will not do"),
    (ImageChoice(base="debian:latest"), "another image every day"),
    (ImageChoice(base="debian:12\nRUN id"), "will not do"),
    (ImageChoice(base="debian:12 AS x"), "will not do"),
    (ImageChoice(base="{{ 7 * 7 }}:1"), "will not do"),
    (ImageChoice(packages=("git; id",)), "will not do"),
    (ImageChoice(packages=("-o=Dpkg::Pre-Invoke::=id",)), "will not do"),
    (ImageChoice(packages=("$(id)",)), "will not do"),
    (ImageChoice(nvflare='2.9.0" x="y'), "will not do"),
    (ImageChoice(pip_options=("install x",)), "will not do"),
    (ImageChoice(pip_options=("--pre\nRUN id",)), "will not do"),
    (ImageChoice(pip_options=("--index-url=https://me:secret@index.example/",)), "holds a password"),
    (ImageChoice(environment={"A B": "c"}), "is no variable.s name"),
    (ImageChoice(environment={"A": "b\nRUN id"}), "will not do"),
]


@pytest.mark.parametrize(("choice", "message"), REFUSED)
def test_what_is_no_such_name_is_refused(choice: ImageChoice, message: str) -> None:
    with pytest.raises(ComposerError, match=message) as refused:
        resolve(choice)
    assert refused.value.hint
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    "line", ["-r other.txt", "-c pins.txt", "-e .", "--requirement other.txt", "./wheel.whl", "/a"]
)
def test_requirements_that_need_another_file_are_refused(line: str) -> None:
    with pytest.raises(ComposerError, match="names another file"):
        resolve(ImageChoice(requirements=FILE), text=f"numpy\n{line}\n")


def test_passwords_in_requirements_are_refused_and_not_repeated() -> None:
    with pytest.raises(ComposerError, match="holds a password") as refused:
        resolve(ImageChoice(requirements=FILE), text="--extra-index-url https://me:secret@index.example/\n")
    assert "secret" not in refused.value.message + refused.value.hint


def test_hashes_for_some_only_are_refused() -> None:
    with pytest.raises(ComposerError, match="has hashes, but not those of nvflare"):
        resolve(ImageChoice(requirements=FILE), text=f"numpy==2.4.6 --hash=sha256:{'b' * 64}\n")


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_whatever_is_written_as_a_package_is_one_word_or_refused(text: str) -> None:
    try:
        image = resolve(ImageChoice(packages=(text,)))
    except ComposerError:
        return
    (package,) = image.packages
    assert package == text
    assert not set(package) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.:=~")
    assert package[0].isalnum()
