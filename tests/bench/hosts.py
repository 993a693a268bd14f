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
SHARED = "all engines share two cores here, and to load the images takes 5 CPU-seconds a host"
# A line of 100 Mbit/s in front of each host, which takes its time whatever the machine.
LINE, LINE_RUNS = 100, 2
_ONE = dict.fromkeys(("server1", "site-1", "site-2"), "hub")
_THREE = {"server1": "hub", "site-1": "ward-a", "site-2": "ward-b"}


def figures() -> list[Figure]:
    """All of them; one host and three take turns, so that a busy minute of the machine hits both.

    The engines' disks are in memory: hosts do not share one, and here they would.
    """
    if os.geteuid() != 0 or not Path("/usr/sbin/sshd").exists():
        print("hosts: skipped, hosts in namespaces need root and sshd", file=sys.stderr)
        return []
    with (
        lan(("hub", "ward-a", "ward-b"), disks_in_memory=True) as wired,
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
    ):
        wired.operator.start_engine()
        across = prepare(wired, Path(folder), here(), _ONE)
        one, three, again, sent, status, slow_one, slow_three = [], [], [], [], [], [], []
        for _ in range(RUNS):
            one.append(_up_and_down(across, _ONE))
            three.append(_up(across, _THREE))
            before = _sent(wired)
            again.append(must(across.up))
            sent.append((_sent(wired) - before) / 1e6)
            status.append(must(lambda: across.does("status")))
            _purge(across)
        wired.slow_lines(LINE)
        for _ in range(LINE_RUNS):
            slow_one.append(_up_and_down(across, _ONE))
            slow_three.append(_up_and_down(across, _THREE))
    slowly = f"the same, each behind a line of {LINE} Mbit/s"
    return [
        Figure("up on three hosts, images to deliver", tuple(three), 1.5, "all on one host", tuple(one), why=SHARED),
        Figure(slowly, tuple(slow_three), 1.5, "all on one host", tuple(slow_one), why=SHARED),
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


def _up_and_down(across: Across, places: dict[str, str]) -> float:
    took = _up(across, places)
    _purge(across)
    return took


def _purge(across: Across) -> None:
    must(lambda: across.does("down", "--purge", "--yes"))


def _sent(wired: Lan) -> int:
    return int(wired.operator.does("cat", "/sys/class/net/eth0/statistics/tx_bytes"))
