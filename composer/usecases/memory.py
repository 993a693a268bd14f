"""Whether the participants of this machine can take more memory than it has: one of them ends others then."""

from __future__ import annotations

from collections.abc import Sequence

from composer.model.federation import Participant
from composer.model.finding import Finding
from composer.model.sizes import in_gib, parse_size


def examine_memory(started: Sequence[Participant], total: int) -> Finding | None:
    """Return what is to be said of the memory limits of containers, with the arithmetic; None where they fit.

    Args:
        started: Those who run on one machine.
        total: Bytes of memory that it has.
    """
    limits = {one.name: parse_size(one.memory) for one in started if one.memory}
    open_ones = [one.name for one in started if not one.memory]
    given = sum(limits.values())
    if open_ones:
        left = max(total - given, 0)
        taken = f", of which the others may take {in_gib(given)}" if given else ""
        whose = "has no memory limit: its jobs" if len(open_ones) == 1 else "have no memory limit: the jobs of each"
        message = f"{', '.join(open_ones)} {whose} may take all of this machine's {in_gib(total)}{taken}"
        share = left // len(open_ones)
        fix = f"write memory in composer.yml: {in_gib(left)} are left for {len(open_ones)}, {in_gib(share)} each"
    elif given > total:
        parts = " + ".join(f"{name} {in_gib(limit)}" for name, limit in limits.items())
        message = f"the memory limits are more than this machine's {in_gib(total)}: {parts} = {in_gib(given)}"
        fix = "lower memory in composer.yml, or let some of them run on another host"
    else:
        return None
    return Finding("MEMORY", "warning", "", message, fix)
