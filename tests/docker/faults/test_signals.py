"""Signals at random moments: what a command began is whole or taken back, and the next command is well.

The moments come from a seed. COMPOSER_SIGNAL_ROUNDS and COMPOSER_SIGNAL_SEED give more rounds and other moments.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time

import pytest

from tests.conftest import Deployment
from tests.docker.faults.stack import PARTICIPANTS, containers, leftovers, started

pytestmark = [pytest.mark.docker, pytest.mark.nvflare, pytest.mark.fault(16)]

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


def send(process: subprocess.Popen[str], numbers: tuple[int, ...], to_group: bool, gap: float) -> bool:
    """Send signals, and tell whether the first came in time."""
    for count, number in enumerate(numbers):
        if process.poll() is not None:
            return count > 0
        (os.killpg if to_group else os.kill)(process.pid, number)
        time.sleep(gap)
    return True


def all_of(deployment: Deployment) -> list[str]:
    return sorted(deployment.container(one) for one in PARTICIPANTS)


def test_whatever_signal_comes_whenever(fresh: Deployment) -> None:
    assert fresh.on_kits("build").returncode == 0
    override = fresh.folder / "compose.override.yml"
    in_time = 0
    # Each kind meets each deed.
    plan = [(deed, kind) for deed in DEEDS for kind in KINDS]
    for number in range(ROUNDS):
        chance = random.Random(f"{SEED}/{number}")
        deed, kind = plan[number % len(plan)]
        to_group, moment, gap = chance.random() < 0.5, chance.uniform(0.1, 4), chance.uniform(0, 0.6)
        told = f"seed {SEED}, round {number}: {deed}, {kind} to {'group' if to_group else 'process'} at {moment:.2f} s"
        ended = fresh.run("down") if deed == "up from nothing" else fresh.up()
        assert ended.returncode == 0, f"{told}: before: {ended.err}"
        before = containers(fresh)
        if deed == "up changed":
            override.write_text(json.dumps({"services": {"site-1": {"environment": {"ROUND": str(number)}}}}))
        with started(fresh, "up") if deed != "down" else stopping(fresh) as process:
            time.sleep(moment)
            hit = send(process, KINDS[kind], to_group, gap)
            _, err = process.communicate(timeout=120)
        in_time += hit
        assert "Traceback" not in err, f"{told}: {err}"
        after, status = containers(fresh), process.returncode
        if kind != "KILL":
            assert status in (0, 128 + KINDS[kind][0]), f"{told}: {status}: {err}"
            if deed != "down" and status:
                assert sorted(after) == sorted(before), f"{told}: {err}"
                same = {name: after[name] for name in after if name != fresh.container("site-1")}
                assert same.items() <= before.items(), f"{told}: {err}"
                assert leftovers(fresh) == [], told
            elif not status:
                assert sorted(after) == ([] if deed == "down" else all_of(fresh)), f"{told}: {err}"
        override.unlink(missing_ok=True)
        ended = fresh.run("down") if deed == "down" else fresh.up()
        assert ended.returncode == 0, f"{told}: afterwards: {ended.err}"
        assert sorted(containers(fresh)) == ([] if deed == "down" else all_of(fresh)), told
    assert in_time > ROUNDS // 2, "the signals came too late to say anything"


def stopping(deployment: Deployment) -> subprocess.Popen[str]:
    from tests.conftest import COMPOSER

    return subprocess.Popen(
        [*COMPOSER, "down", "-C", str(deployment.folder)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **deployment.environment},
    )
