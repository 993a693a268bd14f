"""How much this machine, and this user on it, has of what participants need; 0 where that cannot be told."""

from __future__ import annotations

import resource
from pathlib import Path

_KERNEL = Path("/proc/sys/kernel")


def memory() -> int:
    """Return the bytes of memory, or what a control group leaves of them."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        total = next(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("MemTotal:"))
    except (OSError, StopIteration, ValueError):
        return 0
    limit = _number(Path("/sys/fs/cgroup/memory.max"))
    return min(total, limit) if limit else total


def threads() -> int:
    """Return how many threads may run here: the least of the kernel's limits and of this user's."""
    soft = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    known = [_number(_KERNEL / "threads-max"), _number(_KERNEL / "pid_max"), _number(Path("/sys/fs/cgroup/pids.max"))]
    known.append(0 if soft == resource.RLIM_INFINITY else soft)
    return min((one for one in known if one), default=0)


def open_files() -> int:
    """Return how many files a process may open that this one starts."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 0 if soft == resource.RLIM_INFINITY else soft


def _number(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
