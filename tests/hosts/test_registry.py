"""Images from a registry that the user names: pushed when asked, pulled by each host, and nothing built or sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hosts.deployment import PLACES, Across
from tests.hosts.lan import registry

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]


@dataclass
class Stored:
    """The federation, and where its images are to be pulled from."""

    across: Across
    name: str

    def image(self, **more: str) -> str:
        """What composer.yml says of a participant's image."""
        environment = f", environment: {{{', '.join(f'{key}: {value}' for key, value in more.items())}}}"
        return f"image: {{registry: '{self.name}'{environment if more else ''}}}"

    def tag(self, participant: str) -> str:
        """The name of a participant's image."""
        return f"{self.name}/{self.across.project}/{participant}:2.9.0"


@pytest.fixture(scope="module")
def stored(across: Across, definition: Path | None) -> Iterator[Stored]:
    across.build_again()
    engine = across.lan.operator
    with registry(engine) as address:
        made = Stored(across, f"{address}/flare")
        place(made, definition, {})
        # The base image is not on the operator's engine: what another test has built stands for a build.
        for name in PLACES:
            engine.docker("tag", f"{across.project}/{name}:2.9.0", made.tag(name))
        yield made
        across.place(PLACES, definition)
        assert across.does("down", "--purge", "--yes").returncode == 0
    for host in across.lan.hosts.values():
        assert host.docker("images", "--all", "--quiet") == ""


def place(stored: Stored, definition: Path | None, more: Mapping[str, str]) -> None:
    images = {name: stored.image() for name in PLACES}
    stored.across.place(PLACES, definition, {**images, **more})


def forget(stored: Stored) -> None:
    """Take the images off the operator's engine: nothing of them is needed there."""
    stored.across.lan.operator.docker("rmi", *(stored.tag(name) for name in PLACES))


def test_nothing_is_pushed_unasked_and_what_is_lacking_is_named(stored: Stored) -> None:
    ended = stored.across.up("--yes")
    assert ended.returncode == 1
    for name, host in PLACES.items():
        assert f"{host}: {stored.tag(name)} cannot be pulled: " in ended.err
    assert "hint: push it where it was built (composer images push)" in ended.err
    for host in PLACES.values():
        assert stored.across.lan[host].docker("ps", "--all", "--quiet") == ""


def test_what_was_pushed_is_pulled_by_each_host_itself(stored: Stored) -> None:
    pushed = stored.across.run("images", "push", "-C", stored.across.folder)
    assert pushed.returncode == 0, pushed.err
    forget(stored)
    ended = stored.across.up("--yes", "-v")
    assert ended.returncode == 0, ended.err
    assert "of images" not in ended.err
    assert "buildx" not in ended.err
    for name, host in PLACES.items():
        assert stored.across.container(name)["Config"]["Image"] == stored.tag(name)
        there = stored.across.lan[host].docker("images", "--format", "{{.Repository}}", f"{stored.name}/*/*").split()
        assert there == [stored.tag(name).removesuffix(":2.9.0")]
    rows = stored.across.rows()
    assert {(row["registered"], row["drift"]) for row in rows.values()} == {(True, "")}


def test_what_somebody_else_pushed_under_the_same_name_is_not_pulled(stored: Stored, tmp_path: Path) -> None:
    """It has the label, since it was built on the image that has it."""
    operator, ward, tag = stored.across.lan.operator, stored.across.lan["ward-c"], stored.tag("site-3")
    before = stored.across.container("site-3")["Image"]
    operator.docker("pull", "--quiet", tag)
    (tmp_path / "Dockerfile").write_text(f"FROM {tag}\nUSER 0\n")
    operator.docker("build", "--quiet", "--tag", tag, str(tmp_path))
    operator.docker("push", "--quiet", tag)
    operator.docker("rmi", "--force", tag)
    for get in ((), ("pull", "--quiet", tag)):
        # Neither where it is missing, nor where somebody has pulled the other one by hand.
        ward.docker("rmi", "--force", tag)
        if get:
            ward.docker(*get)
        ended = stored.across.up()
        assert ended.returncode == 0, ended.err
        assert stored.across.container("site-3")["Image"] == before
        assert ward.docker("image", "inspect", "--format", "{{.Id}}", tag).strip() == before


def test_what_is_there_is_not_pulled_again(stored: Stored) -> None:
    before = {name: stored.across.container(name)["Id"] for name in PLACES}
    ended = stored.across.up("-v")
    assert ended.returncode == 0, ended.err
    assert "docker pull" not in ended.err
    assert {name: stored.across.container(name)["Id"] for name in PLACES} == before


def test_an_image_that_was_built_from_something_else_is_not_started(stored: Stored, definition: Path | None) -> None:
    before = stored.across.container("site-3")["Id"]
    place(stored, definition, {"site-3": stored.image(ROUND="'2'")})
    ended = stored.across.up()
    assert ended.returncode == 1
    expected = rf"ward-c: the registry's {re.escape(stored.tag('site-3'))} was not built from this deployment's Docker"
    assert re.search(expected, ended.err), ended.err
    assert "hint: build it and push it again" in ended.err
    assert stored.across.container("site-3")["Id"] == before
    rows = stored.across.rows()
    assert {name: rows[name]["registered"] for name in PLACES} == dict.fromkeys(PLACES, True)


def test_what_is_not_as_it_was_generated_is_not_pushed(stored: Stored) -> None:
    ended = stored.across.run("images", "push", "-C", stored.across.folder)
    assert ended.returncode == 1
    assert "hint: build it: composer build" in ended.err
