"""Who ran on another host until now: stopped only when the new place is ready, and brought back if that fails.

Two with one identity would fight, so the old one is stopped first. It is only stopped, not removed, and its kit stays
beside it, until the new one runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from composer.deployment.manifest import Manifest
from composer.deployment.recorded import record_or_warn
from composer.hosts.connected import ConnectedHost, ConnectedHosts
from composer.hosts.decommission import former_host
from composer.hosts.delivery import files_for, folders_for, look, send
from composer.hosts.parallel import on_each
from composer.hosts.preflight import require_some
from composer.hosts.remote import RemoteHost
from composer.model.errors import ComposerError, CrashLoop, NotHealthy
from composer.model.host import Host
from composer.model.reporter import some_of
from composer.runtimes.lifecycle import Occupant
from composer.runtimes.transaction import attempt, held_while_taken_back

if TYPE_CHECKING:
    from composer.model.reporter import Reporter


@dataclass(frozen=True)
class Leaver:
    """Somebody who is to run elsewhere from now on, or nowhere.

    Attributes:
        source: Where it runs: the name of a host, or that of one which is left, with its endpoint and folder.
        host: That host.
        occupant: Who it is.
    """

    source: str
    host: ConnectedHost
    occupant: Occupant

    @property
    def participant(self) -> str:
        """Its name."""
        return self.occupant.participant

    @property
    def ran(self) -> bool:
        """Whether it ran when it was found."""
        return self.occupant.ran

    def stop(self) -> None:
        """End it, and keep it."""
        with self.host.entered(), self.host.named():
            self.occupant.stop()


@dataclass
class Moves:
    """All who leave the host that they ran on.

    Attributes:
        manifest: What is to run.
        deployment: The deployment folder.
        reporter: Hears what is done.
        former: The hosts that are left, by name, folder and endpoint; those that are not this deployment's are not
            among them.
        leavers: Who is stopped.
        staying: Those who run where they belong.
    """

    manifest: Manifest
    deployment: Path
    reporter: Reporter
    former: dict[str, RemoteHost]
    unreached: tuple[Host, ...]
    leavers: list[Leaver] = field(default_factory=list)
    staying: set[tuple[str, str]] = field(default_factory=set)

    def add(self, source: str, host: ConnectedHost, occupants: Iterable[Occupant]) -> None:
        """Count those among a host's occupants as leavers that do not belong there.

        A host whose folder alone is another one by now is both left and used: whoever stays there is no leaver.
        """
        here = {name for one in self.manifest.participants if one.host == source for name in (one.name, one.service)}
        self.staying |= {(host.name, one.id) for one in occupants if one.participant in here}
        self.leavers += [Leaver(source, host, one) for one in occupants if (host.name, one.id) not in self.staying]

    def require_places(self, away: Mapping[str, ComposerError]) -> None:
        """Make sure that whoever moves can be started in the new place.

        Raises:
            ComposerError: A new host is away: whoever is to move there goes on where it runs.
        """
        for name, error in away.items():
            moving = sorted({one.participant for one in self.leavers if self._target(one) == name and one.ran})
            if moving:
                goes = "is to move there, and goes on where it runs"
                go = "are to move there, and go on where they run"
                told = f"{error.message}; {some_of(moving)} {goes if len(moving) == 1 else go}"
                raise ComposerError(told, error.hint)

    @property
    def leaving(self) -> dict[str, tuple[str, ...]]:
        """Who runs on hosts that no participant is on any more, by the host's name."""
        return {
            former.name: tuple(sorted({one.participant for one in self.leavers if one.ran and one.source == name}))
            for name, former in self.former.items()
        }

    def kept(self, host: str) -> tuple[str, ...]:
        """Return the folders on a host, below the federation's, that those who leave may need once more."""
        services = sorted({one.occupant.service for one in self.leavers if one.source == host})
        kept = ("kits/{}/", "local/{}/", "participants/{}.conf")
        return tuple(form.format(service) for form in kept for service in services)

    @contextmanager
    def carried_out(self, hosts: ConnectedHosts) -> Iterator[None]:
        """Stop those who leave for the time of the block, in which the new ones are started.

        Whose new place fails, or everybody where all of it is taken back, is brought back; the others are removed.
        """
        try:
            self._stop()
            yield
        except (NotHealthy, CrashLoop):
            self._settle(hosts)
            raise
        except BaseException:
            with held_while_taken_back(self.reporter):
                self._bring_back(self.leavers)
            raise
        self._settle(hosts)

    def _target(self, leaver: Leaver) -> str | None:
        places = {one.name: one.host for one in self.manifest.started}
        return places.get(leaver.participant)

    def _stop(self) -> None:
        running = {f"{one.source} {one.occupant.id}": one for one in self.leavers if one.ran}
        if running:
            sources = ", ".join(dict.fromkeys(one.source for one in running.values()))
            names = some_of(sorted({one.participant for one in running.values()}))
            self.reporter.step(f"Leaving {sources}: stopping {names} there")
        outcomes = on_each(tuple(running), lambda id_: running[id_].stop())
        for outcome in outcomes.values():
            if isinstance(outcome, ComposerError):
                raise outcome

    def _bring_back(self, leavers: Iterable[Leaver]) -> None:
        for one in leavers:
            if not one.ran:
                continue
            told = f"{one.participant} could not be brought back on {one.source}: {{}}"
            attempt(self.reporter, partial(self._start_again, one), told)

    def _start_again(self, leaver: Leaver) -> None:
        if reason := leaver.occupant.bring_back():
            raise ComposerError(reason)
        self.reporter.step(f"{leaver.participant} runs on {leaver.source} again")

    def _settle(self, hosts: ConnectedHosts) -> None:
        back = [one for one in self.leavers if self._target(one) in hosts.unreachable]
        self._bring_back(back)
        for one in self.leavers:
            if one not in back:
                told = f"{one.participant} is not removed from {one.source}: {{}}"
                attempt(self.reporter, one.occupant.remove, told)
        busy = {one.source for one in back}
        sources = {one.source for one in self.leavers} - busy
        for host in hosts.remote:
            if host.name in sources:
                told = f"{{}}; the next up takes away the kits of those who have left {host.name}"
                attempt(self.reporter, partial(self._take_kits_away, host), told)
        attempt(self.reporter, partial(self._leave, busy), "{}; the next up goes once more to the hosts that were left")

    def _take_kits_away(self, host: RemoteHost) -> None:
        found = look(host.connection)
        files = files_for(self.deployment, self.manifest, host.name, found.user)
        send(host.connection, files, folders_for(self.manifest, host.name), found)

    def _leave(self, busy: set[str]) -> None:
        if not self.manifest.left:
            return
        idle = {name: one for name, one in self.former.items() if name not in busy}
        used = {host.endpoint for host in self.manifest.hosts}
        outcomes = on_each(tuple(idle), lambda name: _clear(idle[name], used))
        remaining = [*self.unreached, *(one.connection.host for name, one in self.former.items() if name in busy)]
        for name, outcome in outcomes.items():
            if isinstance(outcome, ComposerError):
                self.reporter.warn(outcome.message)
                remaining.append(idle[name].connection.host)
        record_or_warn(replace(self.manifest, left=tuple(remaining)), self.deployment, self.reporter)


@contextmanager
def moves_of(manifest: Manifest, deployment: Path, reporter: Reporter) -> Iterator[Moves]:
    """Connect to the hosts that earlier runs had and this one has not, for the time of the block; name those away.

    Args:
        manifest: What the deployment says of itself.
        deployment: The deployment folder.
        reporter: Hears what is done, and which hosts are away.
    """
    left = {f"{host.name} ({host.endpoint}, {host.path})": host for host in manifest.left}
    with ExitStack() as stack:

        def reach(name: str) -> RemoteHost | str:
            host = stack.enter_context(former_host(left[name], manifest, deployment))
            return host.belongs_to_another() or host

        former, unreached = {}, []
        for name, outcome in on_each(tuple(left), reach).items():
            host = left[name]
            if isinstance(outcome, ComposerError):
                reporter.warn(
                    f"{outcome.message}; what ran on {host.name} may still run, and two with one identity fight"
                )
                unreached.append(host)
            elif isinstance(outcome, str):
                reporter.warn(f"{host.name}: {outcome}")
            else:
                former[name] = outcome
        yield Moves(manifest, deployment, reporter, former, tuple(unreached))


def find_leavers(moves: Moves, hosts: ConnectedHosts) -> None:
    """Find those who run on this machine, on a host that was reached, or on one that is left, and do not belong there.

    Raises:
        ComposerError: This machine, or a host that is left, cannot say who is there.
    """
    seen = hosts.each(_occupants)
    hosts.drop(seen)
    require_some(hosts)
    for name, host in hosts.connected.items():
        there = seen[name]
        if not isinstance(there, ComposerError):
            moves.add(name, host, there)
    for name, one in moves.former.items():
        moves.add(name, one, _occupants(one))


def _occupants(host: ConnectedHost) -> Sequence[Occupant]:
    with host.named():
        return host.lifecycle.occupants(host.manifest)


def _clear(former: RemoteHost, used: Collection[str]) -> None:
    if former.connection.host.endpoint not in used:
        with former.entered(), former.named():
            former.lifecycle.leave(former.manifest)
    if former.found.recorded:
        send(former.connection, {}, (), former.found)
