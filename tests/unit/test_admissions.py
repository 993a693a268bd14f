"""Whom the server has is read from its log, in the words of every release."""

from __future__ import annotations

import pytest

from composer.runtimes.admissions import admissions

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
DEAD = "2026-01-01 00:02:00,000 - FederatedServer - INFO - Remove the dead Client. Name: site-1.  Total clients: 0"


def seen(*lines: str) -> dict[str, bool]:
    return dict(admissions("\n".join(lines).encode(), {"site-1", "site-2"}))


@pytest.mark.parametrize("release", JOINED)
def test_who_joined_is_there(release: str) -> None:
    assert seen(BEGINS, JOINED[release]) == {"site-1": True}


@pytest.mark.parametrize("gone", [LEFT, DEAD, BEGINS])
def test_who_left_or_was_forgotten_is_not(gone: str) -> None:
    assert seen(BEGINS, JOINED["2.9"], gone) == {"site-1": False}


@pytest.mark.parametrize("back", [BACK, BACK_OLD, JOINED["2.9"]])
def test_who_came_back_is(back: str) -> None:
    assert seen(JOINED["2.9"], BEGINS, back) == {"site-1": True}


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


def test_only_participants_count() -> None:
    stranger = JOINED["2.9"].replace("site-1", "somebody")
    assert seen(BEGINS, JOINED["2.9"], stranger) == {"site-1": True}


def test_a_context_may_stand_before_the_message() -> None:
    assert seen(JOINED["2.9"], LEFT.replace("INFO - ", "INFO - [identity=server1, run=?] - ")) == {"site-1": False}
