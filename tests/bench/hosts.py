"""Across hosts: up with images to deliver to three hosts against one, what a second up sends, and status."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.bench.federation import here, must
from tests.bench.figure import Figure, timed
from tests.hosts.deployment import Across, prepare
from tests.hosts.lan import Lan, lan

RUNS = 3
SHARED = "here the three hosts' engines share two cores and one disk, to which each writes all layers twice"
_ONE = dict.fromkeys(("server1", "site-1", "site-2"), "hub")
_THREE = {"server1": "hub", "site-1": "ward-a", "site-2": "ward-b"}


def figures() -> list[Figure]:
    """All of them; one host and three take turns, so that a busy minute of the machine hits both."""
    if os.geteuid() != 0 or not Path("/usr/sbin/sshd").exists():
        print("hosts: skipped, hosts in namespaces need root and sshd", file=sys.stderr)
        return []
    with lan(("hub", "ward-a", "ward-b")) as wired, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        wired.operator.start_engine()
        across = prepare(wired, Path(folder), here(), _ONE)
        one, three, again, sent, status = [], [], [], [], []
        for _ in range(RUNS):
            one.append(_up(across, _ONE))
            must(lambda: across.does("down", "--purge", "--yes"))
            three.append(_up(across, _THREE))
            before = _sent(wired)
            again.append(must(across.up))
            sent.append((_sent(wired) - before) / 1e6)
            status.append(must(lambda: across.does("status")))
            must(lambda: across.does("down", "--purge", "--yes"))
    return [
        Figure("up on three hosts, images to deliver", tuple(three), 1.5, "all on one host", tuple(one), why=SHARED),
        Figure("second up on three hosts", tuple(again), 5.0),
        Figure("second up on three hosts: sent", tuple(sent), 1.0, unit="MB"),
        Figure("status of three hosts", tuple(status), 3.0),
    ]


def _up(across: Across, places: dict[str, str]) -> float:
    across.place(places, here())
    across.build_again()
    with timed() as watch:
        ended = across.up("--yes")
    assert ended.returncode == 0, ended.err
    return watch.seconds


def _sent(wired: Lan) -> int:
    return int(wired.operator.does("cat", "/sys/class/net/eth0/statistics/tx_bytes"))
