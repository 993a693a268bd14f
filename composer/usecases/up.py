"""From kits to a running federation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from composer.hosts.connected import ConnectedHosts
from composer.hosts.plan import plan_hosts
from composer.hosts.preflight import check_hosts
from composer.hosts.restarts import warn_of_restarts
from composer.hosts.starting import bring, moving, reach, show, start
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.kinds import LOCAL
from composer.model.plan import HostPlan, Plan
from composer.model.reporter import SILENT, Reporter
from composer.model.status import FederationStatus
from composer.runtimes.lifecycle import lifecycle_of
from composer.runtimes.listeners import name_opened_ports, require_unshared_ports
from composer.runtimes.makers import Makers
from composer.runtimes.other import refuse_other_runtime
from composer.system.background import in_background, tried_in_background
from composer.usecases.build import pinned
from composer.usecases.check import require_good_inputs
from composer.usecases.data import DATA_HINT, closed_data, missing_data
from composer.usecases.generate import forget_old_kits, write_planned
from composer.usecases.inputs import Inputs
from composer.usecases.locking import lock_inputs, reserved
from composer.usecases.planning import Planned, agree_to_stop, plan
from composer.usecases.session import open_session

if TYPE_CHECKING:
    from composer.hosts.moves import Moves
    from composer.runtimes.engine_facts import EngineFacts

DEFAULT_TIMEOUT = 120.0


def up(
    inputs: Inputs,
    reporter: Reporter = SILENT,
    timeout: float | None = DEFAULT_TIMEOUT,
    force: bool = False,
    wait: bool = False,
    ignore: Sequence[str] = (),
    confirm: Callable[[str], bool] = lambda _: False,
    remove: Callable[[str], bool] = lambda _: False,
    leaving: Collection[str] = (),
) -> FederationStatus:
    """Generate and build what is missing or stale, start, and wait until federated.

    Args:
        inputs: Kits, definition, deployment folder.
        reporter: Hears what is done and how far the participants are.
        timeout: Seconds to wait for the registrations; None: start, and do not wait.
        force: As for :func:`generate`.
        wait: As for :func:`generate`.
        ignore: As for :func:`check`.
        confirm: Asked before a private key leaves this machine for the first time.
        remove: Asked before running participants are removed that are not among the kits.
        leaving: Whom nobody has to be asked about.

    Raises:
        NotHealthy: Somebody has not registered in time, or has been shut down or removed; the others go on trying.
        ComposerError: Anything else went wrong; then what this has started is gone, and what ran before goes on.

    Returns:
        The status; ``changed`` is false where all was written and ran already.
    """
    with _ready(inputs, reporter, ignore, wait, dry_run=False) as ready, ExitStack() as stack:
        planned, hosts, makers = ready.planned, ready.hosts, ready.makers
        name_opened_ports(planned.manifest, reporter)
        agree_to_stop([name for name in ready.ending if name not in leaving], remove)
        warn_of_restarts(hosts, ready.plans, reporter)
        keys = _agree_to_keys(ready.plans, confirm)
        if ready.changing:
            from composer.deployment.history import recorded

            deeds = stack.enter_context(recorded(inputs.deployment, "up", planned.everybody))
            deeds.started = [name for host in ready.plans for name in host.start]
            deeds.restarted = {name: why for host in ready.plans for name, why in host.restart.items()}
            deeds.stopped = ready.ending
        generated = write_planned(planned, reporter, force, dry_run=False)
        if any(host.images for host in ready.plans):
            generated = pinned(makers, planned, generated, generated.manifest.from_build, reporter, force)
        manifest, federation = generated.manifest, generated.federation
        hosts.adopt(manifest)
        makers.build(federation, manifest.from_build, reporter, False, False)
        makers.pull(manifest, reporter, False)
        _warn_of_machine(ready.facts(), federation.on(LOCAL), inputs.deployment, reporter)
        bring(hosts, ready.moves, federation, keys, confirm, reporter)
        status = start(hosts, ready.moves, timeout, reporter, ready.waking)
        # Nobody runs with former kits any more.
        forget_old_kits(manifest, inputs.deployment)
        require_unshared_ports(manifest)
        return replace(status, changed=bool(generated.changed) or ready.changing)


def plan_up(inputs: Inputs, reporter: Reporter = SILENT, force: bool = False, ignore: Sequence[str] = ()) -> Plan:
    """Return what :func:`up` would do, and show the commands; nothing is changed anywhere, and no lock is taken.

    Args:
        inputs: Kits, definition, deployment folder.
        reporter: Hears the commands, and what the user should know.
        force: As for :func:`generate`.
        ignore: As for :func:`check`.

    Raises:
        ComposerError: What was given, or this machine, does not allow it.
    """
    with _ready(inputs, reporter, ignore, wait=False, dry_run=True) as ready:
        name_opened_ports(ready.planned.manifest, reporter)
        generated = write_planned(ready.planned, reporter, force, dry_run=True)
        ready.makers.build(generated.federation, generated.manifest.from_build, reporter, False, True)
        ready.makers.pull(generated.manifest, reporter, True)
        show(ready.hosts, reporter)
        unreachable = {name: error.message for name, error in ready.hosts.unreachable.items()}
        return Plan(generated.federation.name, generated.changed, ready.plans, unreachable)


@dataclass(frozen=True)
class _Ready:
    """All that is known before anything is changed; every host that is connected can do its part."""

    planned: Planned
    makers: Makers
    hosts: ConnectedHosts
    moves: Moves | None
    plans: tuple[HostPlan, ...]
    facts: Callable[[], EngineFacts | None]

    @property
    def ending(self) -> tuple[str, ...]:
        """Who runs, and is not among the kits."""
        stopped = {name for host in self.plans for name in host.stop}
        return tuple(sorted({*stopped, *self.planned.dropped} - self.planned.names))

    @property
    def waking(self) -> int:
        """How many are started, or started anew."""
        return sum(len(host.start) + len(host.restart) for host in self.plans)

    @property
    def changing(self) -> bool:
        """Whether anything is to happen on any host."""
        return bool(self.waking or any(host.stop or host.images or host.keys for host in self.plans))


@contextmanager
def _ready(inputs: Inputs, reporter: Reporter, ignore: Sequence[str], wait: bool, dry_run: bool) -> Iterator[_Ready]:
    deployment = inputs.deployment
    with ExitStack() as stack:
        # What is there is known only when nobody else changes it any more.
        stack.enter_context(lock_inputs(inputs, reporter, wait, dry_run))
        session = open_session(inputs)
        lifecycle = lifecycle_of(session.definition.runtime_here, deployment)
        with in_background(lifecycle.require_tools):
            authority = require_good_inputs(session, reporter, ignore)
            # To be told so takes no engine.
            refuse_other_runtime(deployment, session.definition.runtime_here)
            planned = plan(session)
        makers = Makers(deployment, lifecycle)
        makers.require_tools_of_others(planned.manifest)
        for name, source in missing_data(planned.federation):
            raise ComposerError(f"{name} is to see {source}, which is not there", DATA_HINT)
        for finding in closed_data(planned.federation):
            reporter.warn(f"{finding.message} ({finding.id}); {finding.fix}")
        # They are asked for the sake of a few warnings, and where others run everybody, for nothing.
        facts = stack.enter_context(tried_in_background(lifecycle.facts))
        stack.enter_context(reserved(lifecycle, planned.manifest, reporter, wait, dry_run))
        hosts = stack.enter_context(reach(planned.manifest, deployment, lifecycle, reporter))
        standing = check_hosts(hosts, authority)
        moves = stack.enter_context(moving(hosts, reporter))
        plans = plan_hosts(hosts, standing, planned.rendering, moves)
        yield _Ready(planned, makers, hosts, moves, plans, facts)


def _agree_to_keys(plans: Sequence[HostPlan], confirm: Callable[[str], bool]) -> tuple[str, ...]:
    """Make sure that somebody has agreed to the private keys that leave this machine, and return which do."""
    leaving = tuple(f"{name} to {host.host}" for host in plans for name in host.keys)
    if leaving:
        from composer.hosts.bringing import agree_to_keys

        agree_to_keys(leaving, confirm)
    return leaving


def _warn_of_machine(facts: EngineFacts | None, federation: Federation, deployment: Path, reporter: Reporter) -> None:
    from composer.usecases.doctor import Machine, up_warnings

    if facts is None or not federation.started:
        return
    for finding in up_warnings(Machine(facts, deployment, federation, frozenset(), datetime.now(timezone.utc))):
        reporter.warn(f"{finding.message} ({finding.id}); {finding.fix}")
