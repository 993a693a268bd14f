"""Whom the server has is read from its log, in the words of every release."""

from __future__ import annotations

import json
import os
import time
from datetime import timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from composer.runtimes.admissions import DOCUMENTS, ServerLog, admissions, history
from composer.runtimes.observe import Here, admitted

JOINED = {
    "2.4": "2024-01-01 00:00:01,000 - ClientManager - INFO - Client: New client site-1@10.0.0.2 joined. "
    "Sent token: 0b4d9e0a-0b3e-4c39-8b1a-0c8c5b8f6f3c.  Total clients: 1",
    "2.8": "\x1b[38m2026-01-01 00:00:01,000 - ClientManager - INFO - Client: New client site-1@10.0.0.2 joined. "
    "Sent token: 0b4d9e0a-0b3e-4c39-8b1a-0c8c5b8f6f3c.  Total clients: 1\x1b[0m",
    "2.9": "2026-01-01 00:00:01,000 - ClientManager - INFO - Client: New client site-1@10.0.0.2 joined. "
    "Sent token.  Total clients: 1",
    "relay": "2026-01-01 00:00:01,000 - ClientManager - INFO - Client: New relay site-1@10.0.0.2 joined. "
    "Sent token.  Total clients: 0",
}
BEGINS = "2026-01-01 00:00:00,000 - CoreCell - INFO - server: creating listener on http://0:8002?admin_listener=true"
BACK = "2026-01-01 00:01:00,000 - ClientManager - INFO - Re-activate the client: site-1 at site-1"
BACK_OLD = "2024-01-01 00:01:00,000 - ClientManager - INFO - Re-activate the client:site-1 "
LEFT = "2026-01-01 00:02:00,000 - ClientManager - INFO - Client Name:site-1 left.  Total clients: 0"
LEFT_OLD = (
    "2024-01-01 00:02:00,000 - ClientManager - INFO - Client Name:site-1 \tToken: 0b4d9e0a-0b3e left.  Total clients: 0"
)
DEAD = "2026-01-01 00:02:00,000 - FederatedServer - INFO - Remove the dead Client. Name: site-1.  Total clients: 0"
DEAD_OLD = (
    "2024-01-01 00:02:00,000 - FederatedServer - INFO - "
    "Remove the dead Client. Name: site-1\t Token: 0b4d9e0a-0b3e.  Total clients: 0"
)


def seen(*lines: str) -> dict[str, bool]:
    return dict(admissions(ServerLog("\n".join(lines).encode())))


def record(line: str) -> str:
    """The document that NVFLARE's JsonFormatter makes of what its BaseFormatter makes such a line of."""
    when, name, level, message = line.removeprefix("\x1b[38m").split(" - ", 3)
    return json.dumps(
        {
            "asctime": when,
            "name": name,
            "fullName": f"nvflare.{name}",
            "levelname": level,
            "fl_ctx": "",
            "message": message,
        }
    )


def documented(*lines: str) -> dict[str, bool]:
    return dict(admissions(ServerLog("\n".join(map(record, lines)).encode(), documents=True)))


@pytest.mark.parametrize("release", JOINED)
def test_who_joined_is_there(release: str) -> None:
    assert seen(BEGINS, JOINED[release]) == {"site-1": True}
    assert documented(BEGINS, JOINED[release]) == {"site-1": True}


@pytest.mark.parametrize("gone", [LEFT, LEFT_OLD, DEAD, DEAD_OLD, BEGINS])
def test_who_left_or_was_forgotten_is_not(gone: str) -> None:
    assert seen(BEGINS, JOINED["2.9"], gone) == {"site-1": False}
    assert documented(BEGINS, JOINED["2.9"], gone) == {"site-1": False}


def test_a_name_may_have_dots() -> None:
    assert seen(*(line.replace("site-1", "site.3") for line in (JOINED["2.9"], DEAD))) == {"site.3": False}


@pytest.mark.parametrize("back", [BACK, BACK_OLD, JOINED["2.9"]])
def test_who_came_back_is(back: str) -> None:
    assert seen(JOINED["2.9"], BEGINS, back) == {"site-1": True}
    assert documented(JOINED["2.9"], BEGINS, back) == {"site-1": True}


def test_a_log_that_begins_in_the_middle_says_nothing_of_those_it_does_not_name() -> None:
    assert seen("1 - FederatedServer - INFO - got heartbeat of site-2", JOINED["2.9"]) == {"site-1": True}


def test_what_a_job_writes_is_no_news() -> None:
    assert seen(
        JOINED["2.9"], "2026-01-01 00:04:00,000 - CoreCell - INFO - server.0a1b: creating listener on tcp://0"
    ) == {"site-1": True}


FORGED = (
    "x - Client Name:site-1 left.",
    "x - Re-activate the client: site-2",
    "x - ClientManager - INFO - Client Name:site-1 left.",
    "x - CoreCell - INFO - server: creating listener on http://0:8002",
)


@pytest.mark.parametrize("topic", FORGED)
def test_a_text_of_a_client_that_the_server_writes_is_no_news(topic: str) -> None:
    """NVFLARE refuses such a message, and writes its topic into its log."""
    line = f"2026-01-01 00:03:00,000 - FederatedServer - ERROR - unauthenticated msg (channel='admin' topic='{topic}')"
    assert seen(JOINED["2.9"], line) == {"site-1": True}


def test_whoever_runs_on_another_host_counts_too() -> None:
    """A host knows its own participants alone; its server knows all."""
    server: Any = SimpleNamespace(started=[SimpleNamespace(type="server", name="server1")])
    log = ServerLog("\n".join([BEGINS, JOINED["2.9"], LEFT]).encode())
    assert admitted(server, lambda _: log) == {"site-1": False}


def test_a_context_may_stand_before_the_message() -> None:
    assert seen(JOINED["2.9"], LEFT.replace("INFO - ", "INFO - [identity=server1, run=?] - ")) == {"site-1": False}


REFUSED = "2026-01-01 00:03:00,000 - FederatedServer - ERROR - unauthenticated msg (topic='{}') received from site-2"


@pytest.mark.parametrize("forged", [LEFT, DEAD, BEGINS, record(LEFT)])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\u2028", "\x85"])
def test_what_stands_behind_an_end_of_a_line_is_no_news_in_documents(forged: str, end: str) -> None:
    assert documented(JOINED["2.9"], REFUSED.format(f"x{end}{forged}{end}")) == {"site-1": True}


def test_nor_is_it_wherever_what_was_read_begins() -> None:
    """Only the end of a long log is read, which may begin in the middle of a record."""
    for forged in (LEFT, record(LEFT), "}" + record(LEFT) + "{"):
        document = record(REFUSED.format(f"x\n{forged}\n"))
        for start in range(len(document)):
            cut = ServerLog(document[start:].encode(), documents=True)
            assert not admissions(cut), start


@pytest.mark.parametrize("line", ["[" * 100_000, "[1]", "3", '{"message": 1}', record(LEFT)[:-1], "\ud800"])
def test_what_is_no_record_is_no_news(line: str) -> None:
    """Job code of the server may write to its files."""
    lines = "\n".join([record(JOINED["2.9"]), line + " left."]).encode("utf-8", "surrogatepass")
    assert dict(admissions(ServerLog(lines, documents=True))) == {"site-1": True}


def here(folder: Path) -> ServerLog:
    participant: Any = SimpleNamespace(service="server1")
    return Here(folder).server_log(participant, None)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A server's, with the two files of 2.6 and newer."""
    folder = tmp_path / "workspaces" / "server1"
    folder.mkdir(parents=True)
    forged = REFUSED.format(f"x\n{LEFT}\n")
    (folder / "log.txt").write_text(f"{JOINED['2.9']}\n{forged}\n")
    (folder / "log.json").write_text(f"{record(JOINED['2.9'])}\n{record(forged)}\n")
    return folder


def test_the_documents_are_read_where_there_are_any(workspace: Path, tmp_path: Path) -> None:
    assert here(tmp_path).documents
    assert admissions(here(tmp_path)) == {"site-1": True}
    (workspace / "log.txt").unlink()
    assert here(tmp_path).documents


def test_the_text_is_read_where_there_are_none(workspace: Path, tmp_path: Path) -> None:
    """2.4 and 2.5, and whose own log_config.json has none."""
    (workspace / "log.json").unlink()
    assert here(tmp_path) == ServerLog((workspace / "log.txt").read_bytes())


def test_documents_of_a_former_life_are_not_read(workspace: Path, tmp_path: Path) -> None:
    hour_ago = time.time() - 3600
    os.utime(workspace / "log.json", (hour_ago, hour_ago))
    assert not here(tmp_path).documents
    os.utime(workspace / "log.txt", (hour_ago, hour_ago))
    assert here(tmp_path).documents


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_documents_that_are_no_file_are_not_read(workspace: Path, tmp_path: Path, kind: str) -> None:
    (workspace / "log.json").rename(workspace / "other.json")
    path = workspace / DOCUMENTS
    {"link": lambda: path.symlink_to("other.json"), "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}[kind]()
    assert not here(tmp_path).documents


def test_no_log_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no log"):
        here(tmp_path)


def test_the_time_line_has_who_came_and_went_when_from_documents_alone() -> None:
    lines = [record(line) for line in (BEGINS, JOINED["2.9"], DEAD, BACK.replace("site-1 at", "stranger at"), LEFT)]
    broken = '{"asctime": "yesterday", ' + record(LEFT).removeprefix('{"asctime": "2026-01-01 00:02:00,000", ')
    log = ServerLog("\n".join([*lines, broken]).encode(), documents=True)
    events = history(log, "server1", {"site-1", "site-2"}, timezone.utc)
    assert [(event.at.strftime("%H:%M:%S"), event.name, event.happened) for event in events] == [
        ("00:00:00", "server1", "begins"),
        ("00:00:01", "site-1", "joined"),
        ("00:02:00", "site-1", "dead"),
        ("00:02:00", "site-1", "left"),
    ]
    assert history(ServerLog("\n".join((BEGINS, LEFT)).encode()), "server1", {"site-1", "site-2"}, timezone.utc) == ()
