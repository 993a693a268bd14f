"""What a start is about to change on each host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from composer.hosts.connected import ConnectedHost, ConnectedHosts
from composer.hosts.preflight import Standing, require_some
from composer.model.errors import ComposerError
from composer.model.files import Rendering
from composer.model.plan import HostPlan

if TYPE_CHECKING:
    from composer.hosts.moves import Moves


def plan_hosts(
    hosts: ConnectedHosts, standing: Mapping[str, Standing], rendering: Rendering, moves: Moves | None
) -> tuple[HostPlan, ...]:
    """Return what a start is about to change, host by host; a host that cannot say is dropped.

    Args:
        hosts: Those that are connected.
        standing: Who is there and runs, by host.
        rendering: What is about to be written.
        moves: Who leaves the host that they run on; None: nobody can.

    Raises:
        ComposerError: This machine, or no other host, can say.
    """

    def plan(host: ConnectedHost) -> HostPlan:
        there, started = standing[host.name], [one.name for one in host.manifest.started]
        with host.entered(), host.named():
            stale = host.stale(hosts.manifest)
            changes = dict(host.lifecycle.changes(host.manifest, _files_of(host, hosts, rendering)))
        changes.update({name: "its image is made anew" for name in stale if name not in changes})
        running = [name for name in started if name in there.running]
        kept = {name for one in host.manifest.participants for name in (one.name, one.service)}
        return HostPlan(
            host.name,
            images=stale,
            keys=host.keys(),
            start=tuple(name for name in started if name not in there.running),
            restart={name: changes[name] for name in running if name in changes},
            keep=tuple(name for name in running if name not in changes),
            stop=tuple(name for name in there.names if name not in kept),
        )

    outcomes = hosts.each(plan)
    hosts.drop(outcomes)
    require_some(hosts)
    plans = [one for one in outcomes.values() if not isinstance(one, ComposerError)]
    return (*plans, *(HostPlan(name, stop=names) for name, names in (moves.leaving if moves else {}).items()))


def _files_of(host: ConnectedHost, hosts: ConnectedHosts, rendering: Rendering) -> dict[str, bytes]:
    below = PurePosixPath(host.deployment.relative_to(hosts.deployment))
    return {
        str(file.path.relative_to(below)): file.content for file in rendering.files if file.path.is_relative_to(below)
    }
