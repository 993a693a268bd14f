"""Which lines of a participant's log are of a job, and which are its own: both write to the same place. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_DATED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - ")
_BEGINS = re.compile(r"Traceback \(most recent call last\)|Exception in thread |composer: ")
# As NVFLARE names a job that it speaks of, and as a path in its folder does.
_JOB = re.compile(r"(?:Launched job |\brun \(|\brun=|/)([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def lines_of_job(job: str, log: Sequence[str]) -> tuple[str, ...]:
    """Return all lines from the first that names a job to the last; of those among which other jobs write, its own.

    Args:
        job: Its id.
        log: The lines, of several jobs that may run at once.
    """
    named = [at for at, line in enumerate(log) if job in line]
    if not named:
        return ()
    during = log[named[0] : named[-1] + 1]
    if all(found[1] == job for line in during for found in _JOB.finditer(line)):
        return tuple(during)
    return tuple(line for record in _records(during) if any(job in line for line in record) for line in record)


def lines_of_no_job(log: Sequence[str]) -> tuple[str, ...]:
    """Return what of a log names no job."""
    return tuple(line for record in _records(log) if not any(map(_JOB.search, record)) for line in record)


def _records(lines: Iterable[str]) -> list[list[str]]:
    """Each with the lines that follow it without a date; a traceback that no record has begun is one by itself."""
    records: list[list[str]] = []
    for line in lines:
        begins = bool(_BEGINS.match(line)) and not (records and records[-1][-1].startswith("Exception in thread "))
        if not records or begins or _DATED.match(line):
            records.append([])
        records[-1].append(line)
    return records
