"""Signals at random moments: what a command began is whole or taken back, and the next command is well.

The moments come from a seed. COMPOSER_SIGNAL_ROUNDS and COMPOSER_SIGNAL_SEED give more rounds and other moments.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.conftest import COMPOSER, Deployment

ROUNDS = int(os.environ.get("COMPOSER_SIGNAL_ROUNDS", "20"))
SEED = os.environ.get("COMPOSER_SIGNAL_SEED", "1")
KINDS = {
    "KILL": (signal.SIGKILL,),
    "TERM": (signal.SIGTERM,),
    "HUP": (signal.SIGHUP,),
    "INT": (signal.SIGINT,),
    "INT twice": (signal.SIGINT, signal.SIGINT),
}
DEEDS = ("up from nothing", "up changed", "down")


@dataclass(frozen=True)
class Rig:
    """A deployment whose images or environments are built, and what the test must know of it.

    Attributes:
        deployment: The deployment, which is down.
        running: Returns all that is there of it, by name, each with what tells it from a later one of its name.
        everybody: The names of all when it is up.
        change: Lets site-1 be started from something else; given the number of the round, or None: as at first.
        leftovers: Returns what a command must not leave behind.
        last: The latest moment of a signal, in seconds.
    """

    deployment: Deployment
    running: Callable[[], Mapping[str, object]]
    everybody: tuple[str, ...]
    change: Callable[[int | None], None]
    leftovers: Callable[[], object]
    last: float
    site_1: str = "site-1"


def play(rig: Rig, rounds: int = ROUNDS) -> None:
    """Play rounds: each has a deed, in the midst of which a signal comes."""
    in_time = 0
    # Each kind meets each deed.
    plan = [(deed, kind) for deed in DEEDS for kind in KINDS]
    for number in range(rounds):
        chance = random.Random(f"{SEED}/{number}")
        deed, kind = plan[number % len(plan)]
        to_group, moment, gap = chance.random() < 0.5, chance.uniform(0.1, rig.last), chance.uniform(0, 0.6)
        told = f"seed {SEED}, round {number}: {deed}, {kind} to {'group' if to_group else 'process'} at {moment:.2f} s"
        in_time += _round(rig, deed, KINDS[kind], to_group, moment, gap, told, number)
    assert in_time > rounds // 2, "the signals came too late to say anything"


def _round(
    rig: Rig, deed: str, numbers: tuple[int, ...], to_group: bool, moment: float, gap: float, told: str, number: int
) -> bool:
    one = rig.deployment
    everybody = sorted(rig.everybody)
    ended = one.run("down") if deed == "up from nothing" else one.up()
    assert ended.returncode == 0, f"{told}: before: {ended.err}"
    before = dict(rig.running())
    if deed == "up changed":
        rig.change(number)
    with _started(one, "down" if deed == "down" else "up") as process:
        time.sleep(moment)
        hit = _send(process, numbers, to_group, gap)
        _, err = process.communicate(timeout=120)
    assert "Traceback" not in err, f"{told}: {err}"
    after, status = dict(rig.running()), process.returncode
    if numbers != KINDS["KILL"]:
        assert status in (0, 128 + numbers[0]), f"{told}: {status}: {err}"
        if deed != "down" and status:
            assert sorted(after) == sorted(before), f"{told}: {err}"
            same = {name: what for name, what in after.items() if name != rig.site_1}
            assert same.items() <= before.items(), f"{told}: {err}"
            assert not rig.leftovers(), told
        elif not status:
            assert sorted(after) == ([] if deed == "down" else everybody), f"{told}: {err}"
    rig.change(None)
    ended = one.run("down") if deed == "down" else one.up()
    assert ended.returncode == 0, f"{told}: afterwards: {ended.err}"
    assert sorted(rig.running()) == ([] if deed == "down" else everybody), told
    return hit


def _send(process: subprocess.Popen[str], numbers: tuple[int, ...], to_group: bool, gap: float) -> bool:
    """Send signals, and tell whether the first came in time."""
    for count, number in enumerate(numbers):
        if process.poll() is not None:
            return count > 0
        (os.killpg if to_group else os.kill)(process.pid, number)
        time.sleep(gap)
    return True


def _started(one: Deployment, command: str) -> subprocess.Popen[str]:
    """Start composer in a session of its own, as a terminal would."""
    given = [] if command == "down" else [str(one.kits), *(["-f", str(one.definition)] if one.definition else [])]
    return subprocess.Popen(
        [*COMPOSER, command, *given, "-C", str(one.folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **one.environment},
    )
