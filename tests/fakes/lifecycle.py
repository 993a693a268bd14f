"""A runtime in memory, which notes what is asked of it and fails where a test wants it to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.model.command import Command
from composer.model.federation import Federation
from composer.model.finding import Finding
from composer.model.reporter import Reporter
from composer.model.status import FederationStatus, ParticipantStatus
from composer.runtimes import docker
from composer.runtimes.admissions import ServerLog
from composer.runtimes.lifecycle import Occupant, Present
from composer.runtimes.view import View


@dataclass
class Memory:
    """What runs, what was asked, and where it fails: ``fails`` maps the name of a method to what it raises."""

    running: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    fails: Mapping[str, BaseException] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)
    changed: Mapping[str, str] = field(default_factory=dict)
    # What each service wrote, and what the server did.
    logs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    server_log: bytes = b""

    def note(self, method: str) -> None:
        self.asked.append(method)
        if method in self.fails:
            raise self.fails[method]


class InMemory:
    """A :class:`composer.runtimes.lifecycle.Lifecycle`."""

    makes_for_others = True

    def __init__(self, memory: Memory, deployment: Path) -> None:
        self._memory, self._deployment = memory, deployment
        self._before: set[str] = set()

    def prepare(self) -> None:
        pass

    def require_tools(self) -> None:
        self._memory.note("require_tools")

    def tools(self) -> Mapping[str, Callable[[], object]]:
        return {}

    def examine(self) -> tuple[Finding, ...]:
        return ()

    def remember(self) -> Present:
        self._memory.note("remember")
        self._before = set(self._memory.running)
        return Present(tuple(sorted(self._before)), dict.fromkeys(self._before, ""))

    @contextmanager
    def reserved(self, manifest: Manifest, wait: bool, waiting: Callable[[str], None]) -> Iterator[None]:
        self._memory.note("reserved")
        yield

    def running(self, manifest: Manifest) -> tuple[str, ...]:
        self._memory.note("running")
        return tuple(sorted(self._memory.running))

    def require_startable(self, manifest: Manifest) -> None:
        self._memory.note("require_startable")

    def stale(self, manifest: Manifest) -> tuple[str, ...]:
        self._memory.note("stale")
        return tuple(one.name for one in manifest.participants if one.name in self._memory.stale)

    def changes(self, manifest: Manifest, files: Mapping[str, bytes]) -> Mapping[str, str]:
        self._memory.note("changes")
        return self._memory.changed

    def find_locks(self, federation: Federation, manifest: Manifest, reporter: Reporter) -> dict[str, str]:
        self._memory.note("find_locks")
        return {}

    def build(
        self, federation: Federation, manifest: Manifest, reporter: Reporter, offline: bool, dry_run: bool
    ) -> tuple[str, ...]:
        self._memory.note("build")
        if not dry_run:
            self._memory.stale = set()
        return ()

    def pull(self, manifest: Manifest, reporter: Reporter, dry_run: bool) -> None:
        self._memory.note("pull")

    def facts(self) -> None:
        return None

    def require_ready(self, federation: Federation, reporter: Reporter) -> None:
        self._memory.note("require_ready")

    def start(self, manifest: Manifest, reporter: Reporter, dry_run: bool = False, remove_orphans: bool = True) -> None:
        """Start one after the other: a failure leaves the first of them."""
        names = [one.name for one in manifest.started]
        if dry_run:
            return
        self._memory.running.add(names[0])
        self._memory.note("start")
        self._memory.running = set(names)

    def start_only(self, manifest: Manifest, reporter: Reporter) -> None:
        self._memory.note("start_only")
        self._memory.running |= {one.name for one in manifest.started}

    def stop_only(self, manifest: Manifest, reporter: Reporter, remain: bool) -> None:
        self._memory.note("stop_only")
        self._memory.running -= {one.name for one in manifest.started}

    def jobs(self, manifest: Manifest) -> tuple[str, ...]:
        return tuple(sorted(self._memory.jobs)) if self._memory.running else ()

    def watched(self, manifest: Manifest) -> Seen:
        return Seen(self._memory, manifest, self._deployment)

    def settle(self, manifest: Manifest) -> None:
        self._memory.note("settle")

    def explain(self, error: BaseException, manifest: Manifest) -> BaseException:
        return error

    def roll_back(self, manifest: Manifest, reporter: Reporter) -> None:
        self._memory.running = set(self._before)
        self._memory.note("roll_back")

    def occupants(self, manifest: Manifest) -> tuple[Occupant, ...]:
        return ()

    def leave(self, manifest: Manifest) -> None:
        self._memory.note("leave")
        self._memory.running = set()

    def stop(self, manifest: Manifest, reporter: Reporter, dry_run: bool) -> None:
        self._memory.note("stop")
        if not dry_run:
            self._memory.running = set()


@dataclass(frozen=True)
class Seen:
    """A :class:`composer.runtimes.Runtime` without consoles: whoever runs is registered."""

    memory: Memory
    manifest: Manifest
    deployment: Path

    def observe(self, now: datetime) -> FederationStatus:
        self.memory.note("observe")
        rows = tuple(self._row(one) for one in self.manifest.started)
        return FederationStatus(self.manifest.federation, rows)

    def view(self, now: datetime) -> View:
        return View(self.observe(now).participants, {})

    def inside(self, service: str, argv: Sequence[str], terminal: bool) -> Command:
        return Command(("in", service, *argv))

    def strangers(self) -> dict[str, str]:
        return {}

    def examine(self, now: datetime, seen: FederationStatus | None = None) -> FederationStatus:
        return seen or self.observe(now)

    def unreachable(self, participant: DeployedParticipant) -> str:
        return "nobody listens there"

    def last_log_line(self, name: str) -> str:
        return "waiting"

    def server_log(self) -> ServerLog:
        return ServerLog(self.memory.server_log)

    def logs(
        self, services: Sequence[str], follow: bool, lines: int | None, since: str | None, colour: bool
    ) -> Command:
        said = [f"{service}-1  | {line}" for service in services for line in self.memory.logs.get(service, ())]
        return Command(("printf", "%s\\n", *said))

    def by_participant(self, line: str, services: Collection[str]) -> str:
        return docker.by_participant(line)

    def _row(self, one: DeployedParticipant) -> ParticipantStatus:
        runs = one.name in self.memory.running
        return ParticipantStatus(
            name=one.name,
            type=one.type,
            host=one.host,
            state="running" if runs else "absent",
            health="healthy" if runs else "none",
            registered=runs and one.name not in self.memory.asked,
            since=None,
            certificate_days_left=300,
            image=one.image,
            restarts=0,
        )
