"""A participant that composer.yml places elsewhere is ended where it was, its key is gone there, and it comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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
