"""A participant that composer.yml places elsewhere is ended where it was, its key is gone there, and it comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import eventually
from tests.hosts.deployment import PLACES, Across

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]


@pytest.fixture(scope="module")
def moving(across: Across, definition: Path | None) -> Iterator[Across]:
    across.build_again()
    assert across.up("--yes").returncode == 0
    yield across
    across.place(PLACES, definition)
    assert across.up("--yes").returncode == 0
    assert across.does("down").returncode == 0


def keys_on(across: Across, host: str) -> list[str]:
    return [path.name for path in (across.lan[host].folder / "srv").rglob("*.key")]


@pytest.mark.parametrize("place", ["ward-b", "desk", "ward-c"])
def test_site_3_runs_where_it_is_placed_and_nowhere_else(moving: Across, definition: Path | None, place: str) -> None:
    moving.place({**PLACES, "site-3": place}, definition)
    ended = moving.up("--yes")
    assert ended.returncode == 0, ended.err
    row = moving.rows()["site-3"]
    assert (row["host"], row["registered"]) == ("local" if place == "desk" else place, True)
    name = f"{moving.project}-site-3-1"
    machines = {**moving.lan.hosts, "desk": moving.lan.operator}
    running = [host for host, machine in machines.items() if name in machine.docker("ps", "--format", "{{.Names}}")]
    assert running == [place]
    expected = 1 if place == "ward-c" else 0
    assert len(keys_on(moving, "ward-c")) == expected
    assert (moving.there("ward-c") / "workspaces" / "site-3" / "log.txt").exists()
    assert len(keys_on(moving, "ward-b")) == (2 if place == "ward-b" else 1)


def test_a_host_is_not_forgotten_by_a_generate_nor_while_it_is_away(moving: Across, definition: Path | None) -> None:
    """Site-3 leaves ward-c: what runs there ends, and its key goes, as soon as an ``up`` can reach it."""
    ward = moving.lan["ward-c"]
    moving.place({**PLACES, "site-3": "desk"}, definition)
    generated = moving.run("generate", moving.kits, "-f", moving.definition, "-C", moving.folder)
    assert generated.returncode == 0, generated.err
    assert ward.docker("ps", "--quiet") != ""
    ward.link("down")
    try:
        ended = moving.up("--yes")
    finally:
        ward.link("up")
    assert ended.returncode == 0, ended.err
    assert "ward-c: it does not answer; what ran on ward-c may still run" in ended.err
    ended = moving.up("--yes")
    assert ended.returncode == 0, ended.err
    assert ward.docker("ps", "--all", "--quiet") == ""
    assert keys_on(moving, "ward-c") == []
    assert moving.rows()["site-3"]["registered"]
    assert "Leaving" not in moving.up().err


def containers_of_site_3(moving: Across, host: str) -> str:
    machine = {**moving.lan.hosts, "desk": moving.lan.operator}[host]
    return machine.docker("ps", "--no-trunc", "--filter", f"name={moving.project}-site-3-1", "--format", "{{.ID}}")


@contextmanager
def away(moving: Across, host: str) -> Iterator[None]:
    moving.lan[host].link("down")
    try:
        yield
    finally:
        moving.lan[host].link("up")


@pytest.mark.parametrize("former", ["ward-c", "desk", "ward-b"])
def test_a_site_goes_on_where_it_runs_while_its_new_host_is_away(
    moving: Across, definition: Path | None, former: str
) -> None:
    """On a host that is left, on this machine, and on a host that others stay on."""
    moving.place({**PLACES, "site-3": former}, definition)
    assert moving.up("--yes").returncode == 0
    before = containers_of_site_3(moving, former)
    assert before
    moving.place({**PLACES, "site-3": "ward-a"}, definition)
    with away(moving, "ward-a"):
        ended = moving.up("--yes")
    assert ended.returncode == 1, ended.err
    assert "ward-a: it does not answer; site-3 is to move there, and goes on where it runs" in ended.err
    assert containers_of_site_3(moving, former) == before
    assert moving.up("--yes").returncode == 0
    assert containers_of_site_3(moving, former) == ""
    assert moving.rows()["site-3"]["registered"]


@pytest.mark.parametrize("former", ["ward-c", "desk", "ward-b"])
def test_a_site_that_cannot_be_started_on_its_new_host_is_brought_back(
    moving: Across, definition: Path | None, former: str
) -> None:
    moving.place({**PLACES, "site-3": former}, definition)
    assert moving.up("--yes").returncode == 0
    before = containers_of_site_3(moving, former)
    assert before
    moving.place({**PLACES, "site-3": "ward-a"}, definition)
    override = moving.folder / "hosts" / "ward-a" / "compose.override.yml"
    override.write_text('services: {"site-3": {"devices": ["/dev/nothing:/dev/nothing"]}}\n')
    try:
        ended = moving.up("--yes")
        assert ended.returncode == 1, ended.err
        assert "ward-a: site-3 cannot be started" in ended.err
        assert containers_of_site_3(moving, former) == before
        assert containers_of_site_3(moving, "ward-a") == ""
    finally:
        override.unlink()
    assert moving.up("--yes").returncode == 0
    assert containers_of_site_3(moving, former) == ""
    eventually(lambda: moving.rows()["site-3"]["registered"])
