"""How long is waited for a federation, and for whom no longer: on a clock that only the waiting itself moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import pytest

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.model.errors import CrashLoop, NotHealthy
from composer.model.kinds import ParticipantType
from composer.model.status import FederationStatus, ParticipantStatus, State
from composer.runtimes import readiness

END = datetime(2027, 1, 31, tzinfo=timezone.utc)


@dataclass
class _Clock:
    """Stands for the module ``time``."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> _Clock:
    (tmp_path / "manifest.json").touch()
    monkeypatch.chdir(tmp_path)
    clock = _Clock()
    monkeypatch.setattr(readiness, "time", clock)
    return clock


def _participant(name: str, kind: ParticipantType, host: str) -> DeployedParticipant:
    kit = Path("kit")
    return DeployedParticipant(name, kind, name, kit, "", "", 0, "", "mtls", (), "", "", "", "", "", END, host)


@dataclass
class _Watched:
    """A server, and a site whose state is told by the seconds that have passed."""

    clock: _Clock
    site: Callable[[float], State]
    cost: float = 0.05
    host: str = "local"
    details: dict[State, str] = field(default_factory=dict)
    deployment: Path = Path()
    server: Callable[[float], State] = lambda _: "running"
    looks: int = 0
    restarts: Callable[[float], int] = lambda _: 0

    def __post_init__(self) -> None:
        people = (_participant("server1", "server", self.host), _participant("site-1", "client", self.host))
        self.manifest = Manifest("0", "study", "study", (), None, people, {})
        self._began = self.clock.now

    def observe(self, now: datetime) -> FederationStatus:
        self.clock.sleep(self.cost)
        self.looks += 1
        passed = self.clock.now - self._began
        server = self.server(passed)
        rows = (self._row("server1", "server", server, server == "running"), self._site(self.site(passed)))
        return FederationStatus("study", rows)

    def unreachable(self, participant: DeployedParticipant) -> str:
        return f"{participant.name} was tried"

    def last_log_line(self, name: str) -> str:
        return f"{name} wrote this"

    def _site(self, state: State) -> ParticipantStatus:
        return self._row("site-1", "client", state, False)

    def _row(self, name: str, kind: ParticipantType, state: State, registered: bool) -> ParticipantStatus:
        detail = self.details.get(state, "") if kind == "client" else ""
        restarts = self.restarts(self.clock.now - self._began) if kind == "client" else 0
        return ParticipantStatus(
            name, kind, self.host, state, "none", registered, None, 99, "", restarts=restarts, detail=detail
        )


def _told(watched: _Watched, timeout: float = 120.0) -> tuple[NotHealthy, float]:
    """Wait in vain; return what was told, and after how many seconds."""
    began = watched.clock.now
    with pytest.raises(NotHealthy) as told:
        readiness.wait_until_federated(watched, timeout, lambda _: None)
    return told.value, watched.clock.now - began


@pytest.mark.parametrize(("timeout", "cost"), [(1.0, 0.5), (1.0, 0.05), (15.0, 2.0), (0.0, 0.05)])
def test_no_rest_goes_beyond_the_deadline(clock: _Clock, timeout: float, cost: float) -> None:
    error, seconds = _told(_Watched(clock, lambda _: "running", cost), timeout)
    assert error.message.startswith(f"site-1 has not registered after {timeout:g} s: site-1 was tried")
    assert "they go on trying" in error.hint
    # The look that is under way at the deadline, and the last one, which begins then.
    assert timeout <= seconds <= timeout + 2 * cost


@pytest.mark.parametrize(("host", "where"), [("local", ""), ("hub", " on hub")])
@pytest.mark.parametrize("cost", [0.05, 1.0])
def test_who_has_no_container_any_more_ends_the_wait(clock: _Clock, host: str, where: str, cost: float) -> None:
    error, seconds = _told(_Watched(clock, lambda passed: "running" if passed < 1 else "absent", cost, host))
    assert error.message == f"somebody removed site-1's container{where}"
    assert error.hint == "composer up again"
    assert seconds < 15


def test_all_who_are_removed_at_once_are_told(clock: _Clock) -> None:
    watched = _Watched(clock, lambda passed: "running" if passed < 1 else "absent")
    watched.server = lambda passed: "running" if passed < 1.5 else "absent"
    error, _ = _told(watched)
    assert error.message == "somebody removed server1's container\nsomebody removed site-1's container"


def test_what_somebody_wrote_who_does_not_run_hurries_nobody(clock: _Clock, tmp_path: Path) -> None:
    state = tmp_path / "workspaces" / "site-1" / "composer.state"
    state.parent.mkdir(parents=True)
    state.write_text("registered 2026-01-30T00:00:00Z\n")
    watched = _Watched(clock, lambda _: "paused", deployment=tmp_path)
    _told(watched, 30)
    assert watched.looks < 40


def test_a_container_that_is_made_anew_is_waited_for(clock: _Clock) -> None:
    error, seconds = _told(_Watched(clock, lambda passed: "absent" if 5 < passed < 6 else "running"), 30)
    assert "has not registered after 30 s" in error.message
    assert seconds >= 30


def test_who_is_away_only_now_and_then_is_waited_for(clock: _Clock) -> None:
    error, seconds = _told(_Watched(clock, lambda passed: "absent" if passed % 4 < 1 else "running"), 30)
    assert "site-1 does not run" in error.message or "site-1 has not registered" in error.message
    assert seconds >= 30


def test_who_was_shut_down_by_an_administrator_ends_the_wait(clock: _Clock) -> None:
    shut: dict[State, str] = {"stopped": "shut down by an administrator"}
    error, seconds = _told(_Watched(clock, lambda _: "stopped", details=shut))
    assert error.message == "site-1 does not run: shut down by an administrator"
    assert error.hint == "composer up again"
    assert seconds < 5


def test_a_plain_process_has_no_container_that_could_be_removed(clock: _Clock) -> None:
    watched = _Watched(clock, lambda _: "absent")
    watched.manifest = Manifest("0", "study", "study", (), None, watched.manifest.participants, {}, runtime="process")
    error, _ = _told(watched)
    assert "container" not in error.message
    assert error.message.startswith("site-1 does not run")


def test_who_is_paused_may_be_woken_and_is_waited_for(clock: _Clock) -> None:
    paused: dict[State, str] = {"paused": "somebody paused it: docker unpause study-site-1-1"}
    error, seconds = _told(_Watched(clock, lambda _: "paused", details=paused), 30)
    assert error.message == "site-1 does not run: somebody paused it: docker unpause study-site-1-1"
    assert error.hint == "wake it as is said, and it goes on by itself"
    assert seconds >= 30


def test_whom_somebody_has_stopped_is_told_at_once_with_its_last_words(clock: _Clock) -> None:
    ended: dict[State, str] = {"exited": "ended with status 143"}
    error, seconds = _told(_Watched(clock, lambda _: "exited", details=ended))
    assert error.message.startswith("site-1 does not run (ended with status 143): ")
    assert "its last line was: site-1 wrote this" in error.message
    assert error.hint == "composer up again"
    assert seconds < 5


def test_a_deployment_that_is_moved_away_meanwhile_is_named(clock: _Clock, tmp_path: Path) -> None:
    folder = tmp_path / "deployment"
    folder.mkdir()
    (folder / "manifest.json").touch()

    def moves(passed: float) -> State:
        if passed > 3 and folder.exists():
            folder.rename(tmp_path / "elsewhere")
        return "running"

    error, seconds = _told(_Watched(clock, moves, deployment=folder))
    assert error.message.startswith(f"{folder} was moved or deleted")
    assert seconds < 10


def test_only_restarts_while_it_is_waited_for_are_a_crash_loop(clock: _Clock) -> None:
    """An engine counts them for as long as there is the container."""
    _, seconds = _told(_Watched(clock, lambda _: "running", restarts=lambda _: 7), 20.0)
    assert seconds >= 20
    looping = _Watched(clock, lambda _: "running", restarts=lambda passed: 7 + int(passed))
    with pytest.raises(CrashLoop, match=r"site-1 crashes again and again \(1\d restarts\)"):
        readiness.wait_until_federated(looping, 20.0, lambda _: None)
