"""Jobs that run, seen by their processes: in every release a job has one beside the server and one at each site.

Plain processes are looked through where they run, by ``dockerfiles/metal/lib/processes.py`` and in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

from composer.system.foreign_text import clip

_MODULES = ("nvflare.private.fed.app.server.runner_process", "nvflare.private.fed.app.client.worker_process")


def job_of(words: Sequence[str]) -> str:
    """Return the job that a process is of, by its command line, in which ``-n`` names it; empty where it is of none."""
    if not any(word in _MODULES for word in words) or "-n" not in words[:-1]:
        return ""
    return clip(words[words.index("-n") + 1], 80)
