"""Files that belong to job code, read through an engine: what a workspace may hold, and what an archive may be."""

from __future__ import annotations

import base64
import bz2
import io
import json
import re
import tarfile
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from composer.deployment.manifest import DeployedParticipant
from composer.hosts.traces import There
from composer.runtimes.engine import connect
from composer.runtimes.engine_answers import Container, file_in
from composer.runtimes.observe import registered_since
from tests.fakes.served import VERSION, Answer, bytes_of, json_of, served, without_end

# Docker's SDK leaves the connections of what it reads in blocks to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
STATE = b"registered 2026-01-31T08:00:00Z\n"
BEGAN = datetime(2026, 1, 31, tzinfo=timezone.utc)
WRITTEN = int(BEGAN.timestamp()) + 60
ARCHIVE = "/containers/abc/archive"
MOST = 8 << 20


def archived(
    content: bytes = STATE, change: Callable[[tarfile.TarInfo], None] = lambda _: None, form: int = tarfile.PAX_FORMAT
) -> bytes:
    """What an engine sends of one path."""
    entry = tarfile.TarInfo("composer.state")
    entry.size, entry.mtime = len(content), WRITTEN
    change(entry)
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=form) as opened:
        opened.addfile(entry, io.BytesIO(content) if entry.isreg() else None)
    return whole.getvalue()


def header(**fields: object) -> bytes:
    """The header of an entry alone, with what is said of it."""
    entry = tarfile.TarInfo("composer.state")
    for name, value in fields.items():
        setattr(entry, name, value)
    return entry.tobuf(tarfile.GNU_FORMAT)


def sparse_without_its_blocks() -> bytes:
    """A header that promises a further block of the map of a sparse file, which never comes."""
    block = bytearray(header(type=tarfile.GNUTYPE_SPARSE, size=512))
    block[482] = 1
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def of(kind: bytes, target: str = "") -> bytes:
    return header(type=kind, linkname=target)


STAT = base64.b64encode(json.dumps({"name": "composer.state", "size": 1, "mode": 420, "linkTarget": ""}).encode())
HARMS: dict[str, Answer] = {
    "a pipe": bytes_of(of(tarfile.FIFOTYPE)),
    "a device": bytes_of(of(tarfile.CHRTYPE)),
    "a folder": bytes_of(of(tarfile.DIRTYPE)),
    "a link to a device": bytes_of(of(tarfile.SYMTYPE, "/dev/zero")),
    "a link to a file of the host": bytes_of(of(tarfile.SYMTYPE, "/etc/passwd")),
    "a link to nowhere": bytes_of(of(tarfile.SYMTYPE, "/nope")),
    "a hard link": bytes_of(of(tarfile.LNKTYPE, "composer.state")),
    "a sparse file of 40 GB": without_end(header(size=40 << 30), block=bytes(1 << 16)),
    "a huge file": without_end(header(size=7 << 30), block=b"registered " * 6_000),
    "a line without end": bytes_of(archived(b"registered " * 20_000)),
    "a size below zero": bytes_of(header(size=-5) + STATE),
    "a sparse file without its map": bytes_of(sparse_without_its_blocks()),
    "a name without end": without_end(header(type=tarfile.GNUTYPE_LONGNAME, size=1 << 40), block=b"x" * (1 << 16)),
    "an extended header without end": without_end(header(type=tarfile.XHDTYPE, size=1 << 40)),
    "an extended header without sense": bytes_of(archived(change=lambda one: one.pax_headers.update({"size": "x"}))),
    "a wrong checksum": bytes_of(b"\0" * 148 + b"7" * 364 + bytes(512)),
    "compressed": bytes_of(bz2.compress(archived(bytes(50 << 20)))),
    "cut in its header": bytes_of(archived()[:400]),
    "nothing": bytes_of(b""),
    "no archive": bytes_of(b"registered 2026-01-31T08:00:00Z"),
    "a description without sense": bytes_of(archived(), X_Docker_Container_Path_Stat="no base 64"),
    "gone": json_of({"message": "no such file"}, 404),
}


def _container() -> Container:
    return Container("abc", "", "", "", "", "", "", "", "", "", "", "running", "healthy", 0, BEGAN, 0, one_off=False)


def _participant() -> DeployedParticipant:
    return DeployedParticipant(
        "site-1", "client", "site-1", Path("kit"), "", "", 0, "", "mtls", (), "", "", "", "", "", BEGAN, "ward"
    )


@pytest.mark.parametrize("harm", [one for one in HARMS if one != "a description without sense"])
def test_a_site_whose_state_cannot_be_read_is_not_registered(harm: str, tmp_path: Path) -> None:
    answers = {"/version": json_of(VERSION), re.escape(ARCHIVE): HARMS[harm]}
    with served(tmp_path / "engine.sock", answers, json_of({})) as engine:
        traces = There(connect(engine.host))
        assert registered_since(traces, _participant(), _container()) is None
        assert ARCHIVE in engine.asked
        assert engine.sent < MOST


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_a_site_whose_state_is_as_it_should_be_is_registered(form: int, tmp_path: Path) -> None:
    # The engine writes times with their fractions, in a header of their own.
    said = bytes_of(archived(form=form), X_Docker_Container_Path_Stat=STAT.decode())
    answers = {"/version": json_of(VERSION), re.escape(ARCHIVE): said}
    with served(tmp_path / "engine.sock", answers, json_of({})) as engine:
        traces = There(connect(engine.host))
        assert registered_since(traces, _participant(), _container()) == datetime(2026, 1, 31, 8, tzinfo=timezone.utc)


def test_no_more_is_kept_than_was_asked_for() -> None:
    found = file_in(archived(b"x" * 10_000), 64)
    assert found is not None
    assert found.content == b"x" * 64


@settings(deadline=None)
@given(st.data())
def test_no_archive_is_a_surprise(data: st.DataObject) -> None:
    archive = bytearray(data.draw(st.sampled_from([archived(form=form) for form in range(3)] + [of(b"S"), of(b"x")])))
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(archive) - 1), st.integers(0, 255)), max_size=9)):
        archive[at] = value
    if len(archive) >= 512 and data.draw(st.booleans()):
        archive[148:156] = b" " * 8
        archive[148:156] = b"%06o\0 " % sum(archive[:512])
    found = file_in(bytes(archive[: data.draw(st.integers(0, len(archive)))]), 64)
    assert found is None or len(found.content) <= 64
