"""Tables fit 60 to 200 columns, and wherever they are read, no name in them is cut."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from composer.cli.screen.output import status_table
from composer.cli.screen.table import FittingTable
from composer.model.status import FederationStatus, ParticipantStatus
from tests.conftest import composer
from tests.kitmaker import Project, provision

NAMES = ("server1.hospital.example.org", "site-1", "university-hospital-north-radiology", "relay-1")
WIDTHS = (60, 61, 70, 80, 100, 120, 160, 200)


def drawn(table: object, width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(table)
    return out.getvalue().splitlines()


def row(name: str, detail: str = "") -> ParticipantStatus:
    since = datetime(2026, 1, 31, tzinfo=timezone.utc)
    return ParticipantStatus(
        name, "client", "ward-a", "running", "healthy", True, since, 300, "fed/x:2.9.0", detail=detail
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("detail", ["", "crashes again and again; its last line: RuntimeError: no such file or folder"])
def test_no_name_and_no_state_is_cut(width: int, detail: str) -> None:
    status = FederationStatus("fed", tuple(row(name, detail) for name in NAMES))
    lines = drawn(status_table(status), width)
    assert max(map(len, lines)) <= width
    for name in NAMES:
        assert any(line.startswith(f"{name}  ") for line in lines), (width, name)
    assert "STATE" in lines[0]
    for word in detail.split():
        assert any(word in line for line in lines), word


def test_lesser_columns_go_first_and_come_back() -> None:
    status = FederationStatus("fed", tuple(map(row, NAMES)))
    headings = {width: drawn(status_table(status), width)[0].split() for width in WIDTHS}
    assert headings[200] == [
        "NAME", "TYPE", "HOST", "STATE", "HEALTH", "REGISTERED", "SINCE", "RESTARTS", "CERTIFICATE", "IMAGE"
    ]  # fmt: skip
    assert headings[60] == ["NAME", "STATE", "REGISTERED"]
    for narrow, wide in pairwise(WIDTHS):
        assert set(headings[narrow]) <= set(headings[wide])


def test_a_name_that_fits_nowhere_goes_on_in_the_next_line() -> None:
    lines = drawn(FittingTable(("NAME", "TYPE"), [("", ("x" * 90, "client"))]), 60)
    assert sum(line.count("x") for line in lines) == 90
    assert max(map(len, lines)) <= 60


@pytest.mark.parametrize("columns", ["40", "80"])
def test_a_pipe_gets_all_of_it(columns: str, tmp_path: Path) -> None:
    begins = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=1)
    name = "university-hospital-north-radiology-department"
    made = provision(tmp_path, Project("2.9", clients=(name,), begins=begins))
    ended = composer("check", made.prod, cwd=tmp_path, COLUMNS=columns)
    assert any(line.split() == [name, "client", "2.9", "fedx", "358"] for line in ended.out.splitlines())
