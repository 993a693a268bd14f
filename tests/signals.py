"""Signals at random moments: what a command began is whole or taken back, and the next command is well.

The moments come from a seed. COMPOSER_SIGNAL_ROUNDS and COMPOSER_SIGNAL_SEED give more rounds and other moments.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import COMPOSER, Ended, run

ROUNDS = int(os.environ.get("COMPOSER_SIGNAL_ROUNDS", "20"))
SEED = os.environ.get("COMPOSER_SIGNAL_SEED", "1")
KINDS = {
    "KILL": (signal.SIGKILL,),
    "TERM": (signal.SIGTERM,),
    "HUP": (signal.SIGHUP,),
    "INT": (signal.SIGINT,),
    "INT twice": (signal.SIGINT, signal.SIGINT),
}


@dataclass(frozen=True)
class Rig:
    """A deployment whose images or environments are built, and what the test must know of it.

    Attributes:
        folder: The deployment's, which is down.
        kits: The folder of all kits.
        definition: The composer.yml.
        running: Returns all that is there of it, by name, each with what tells it from a later one of its name.
        named: Returns the name under which a participant is among them.
        change: Lets site-1 be started from something else; given the number of the round, or None: as at first.
        leftovers: Returns what a command must not leave behind.
        last: The latest moment of a signal, in seconds.
        first: With which deed and kind of signal the rounds begin: no two suites play the same ones.
        participants: Who is started; the last one's kit is added and removed.
        composer: What runs composer.
        environment: Its own.
    """

    folder: Path
    kits: Path
    definition: Path | None
    running: Callable[[], Mapping[str, object]]
    named: Callable[[str], str]
    change: Callable[[int | None], None]
    leftovers: Callable[[], object]
    last: float
    first: int = 0
    participants: tuple[str, ...] = ("server1", "site-1", "site-2")
    composer: Sequence[str] = tuple(COMPOSER)
    environment: Mapping[str, str] = field(default_factory=dict)

    def up(self, names: Sequence[str] = ()) -> list[str]:
        """The arguments of an ``up`` of all, or of some alone."""
        kits = [str(self.kits / name) for name in names] if names else [str(self.kits)]
        chosen = ["-f", str(self.definition)] if self.definition else []
        return ["up", *kits, *chosen, "-C", str(self.folder), "--yes", "--remove"]

    @property
    def down(self) -> list[str]:
        """The arguments of a ``down``."""
        return ["down", "-C", str(self.folder)]

    def does(self, arguments: Sequence[str]) -> Ended:
        """Run composer until it ends."""
        return run([*self.composer, *arguments], env=dict(self.environment), timeout=300)

    def among(self, names: Sequence[str]) -> list[str]:
        """How participants are called among those that run."""
        return sorted(map(self.named, names))


@dataclass(frozen=True)
class Deed:
    """A command that a signal hits: what comes before, and who is there when it has been done."""

    name: str
    before: Sequence[str]
    command: Sequence[str]
    whole: list[str]
    changes: bool = False


def deeds(rig: Rig) -> list[Deed]:
    """All of them, on a deployment."""
    everybody, fewer = rig.among(rig.participants), rig.participants[:-1]
    return [
        Deed("up from nothing", rig.down, rig.up(), everybody),
        Deed("up changed", rig.up(), rig.up(), everybody, changes=True),
        Deed("a kit more", rig.up(fewer), rig.up(), everybody),
        Deed("a kit less", rig.up(), rig.up(fewer), rig.among(fewer)),
        Deed("down", rig.up(), rig.down, []),
    ]


def play(rig: Rig, rounds: int = ROUNDS) -> None:
    """Play rounds: each has a deed, in the midst of which a signal comes."""
    in_time = 0
    # Each kind meets each deed.
    plan = [(deed, kind) for kind in KINDS for deed in deeds(rig)]
    # How long a deed takes, as far as it is known: signals that come later say nothing.
    last = {deed.name: rig.last for deed, _ in plan}
    for number in range(rounds):
        chance = random.Random(f"{SEED}/{number}")
        deed, kind = plan[(rig.first + number) % len(plan)]
        to_group, gap = chance.random() < 0.5, chance.uniform(0, 0.6)
        moment = chance.uniform(0.1, last[deed.name])
        told = f"seed {SEED}, round {number}: {deed.name}, {kind} to "
        told += f"{'group' if to_group else 'process'} at {moment:.2f} s"
        took = _round(rig, deed, KINDS[kind], to_group, moment, gap, told, number)
        in_time += took is None
        last[deed.name] = took or last[deed.name]
    assert in_time > rounds // 2, "the signals came too late to say anything"


def _round(
    rig: Rig, deed: Deed, numbers: tuple[int, ...], to_group: bool, moment: float, gap: float, told: str, number: int
) -> float | None:
    """Play one, and return how long its deed took where the signal came too late."""
    ended = rig.does(deed.before)
    assert ended.returncode == 0, f"{told}: before: {ended.err}"
    before = dict(rig.running())
    if deed.changes:
        rig.change(number)
    with _started(rig, deed.command) as process:
        took = _ended_within(process, moment)
        if took is None:
            _send(process, numbers, to_group, gap)
        _, err = process.communicate(timeout=120)
    assert "Traceback" not in err, f"{told}: {err}"
    if numbers != KINDS["KILL"]:
        _hold_to_its_end(rig, deed, before, process.returncode, numbers[0], f"{told}: {err}")
    rig.change(None)
    last = rig.down if deed.command == rig.down else rig.up()
    ended = rig.does(last)
    assert ended.returncode == 0, f"{told}: afterwards: {ended.err}"
    assert sorted(rig.running()) == ([] if last == rig.down else rig.among(rig.participants)), told
    return took


def _hold_to_its_end(rig: Rig, deed: Deed, before: Mapping[str, object], status: int, number: int, told: str) -> None:
    """All of it is as before or as asked; of a ``down`` that was cut short, nothing is brought back."""
    after = dict(rig.running())
    assert status in (0, 128 + number), f"{told}: {status}"
    if not status or sorted(after) == deed.whole != sorted(before):
        # It may have come when all was done.
        assert sorted(after) == deed.whole, told
    elif deed.command != rig.down:
        assert sorted(after) == sorted(before), told
        anew = {rig.named("site-1")} if deed.changes else set(before).difference(deed.whole)
        assert {name: what for name, what in after.items() if name not in anew}.items() <= before.items(), told
        assert not rig.leftovers(), told


def _ended_within(process: subprocess.Popen[str], seconds: float) -> float | None:
    """Return when it has ended, if it has by then."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if process.poll() is not None:
            return time.monotonic() - began
        time.sleep(0.01)
    return None


def _send(process: subprocess.Popen[str], numbers: tuple[int, ...], to_group: bool, gap: float) -> None:
    for number in numbers:
        if process.poll() is None:
            (os.killpg if to_group else os.kill)(process.pid, number)
            time.sleep(gap)


def _started(rig: Rig, arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Start composer in a session of its own, as a terminal would."""
    return subprocess.Popen(
        [*rig.composer, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **rig.environment},
    )
