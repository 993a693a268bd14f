"""The jobs of a server on this machine, as its job store has them. All of it was written by others.

A job is a folder that is called by its id, with its description in ``meta`` (NVFLARE's ``FilesystemStorage`` and
``JobMetaKey``, the same from 2.4 to 2.9).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from composer.model.report import Job
from composer.system.foreign_files import list_foreign, read_foreign
from composer.system.foreign_text import clean_line, clip
from composer.system.times import parse_rfc_3339

_STORE = "job-store/jobs-storage"
_MOST_JOBS = 1000
_MOST_BYTES = 2**20
_MOST_TEXT = 200
# As NVFLARE names all sites that there are.
_ALL = "@ALL"
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# As Python writes a timedelta.
_DURATION = re.compile(r"(?:(\d{1,6}) days?, )?(\d{1,2}):(\d\d):(\d\d(?:\.\d{1,6})?)", re.ASCII)
_NEVER = datetime.min.replace(tzinfo=timezone.utc)


def read_jobs(deployment: Path) -> tuple[Job, ...]:
    """Return the jobs in the job store of a deployment folder, the newest first; none where there is no store yet.

    Raises:
        OSError: The store may not be read.
    """
    try:
        names = list_foreign(deployment, _STORE, _MOST_JOBS)
    except FileNotFoundError:
        return ()
    found = (_job(deployment, name) for name in names if _ID.fullmatch(name))
    return tuple(sorted((job for job in found if job), key=lambda job: job.submitted or _NEVER, reverse=True))


def _job(deployment: Path, name: str) -> Job | None:
    try:
        document = json.loads(read_foreign(deployment, f"{_STORE}/{name}/meta", _MOST_BYTES).content)
    except (OSError, ValueError, RecursionError):
        # It is being written, or it is no job.
        return None
    return parse_job(document, name) if isinstance(document, dict) else None


def parse_job(document: Mapping[str, Any], name: str) -> Job:
    """Return what a job's ``meta`` says, in the store or before it is submitted.

    Args:
        document: The ``meta``, read.
        name: The job's id.
    """
    needed = document.get("min_clients")
    return Job(
        id=name,
        name=_text(document, "name"),
        status=_text(document, "status"),
        submitter=_text(document, "submitter_name"),
        submitted=_time(document, "submit_time_iso"),
        seconds=_seconds(document) if _text(document, "status").startswith("FINISHED") else None,
        sites=_sites(document),
        history=_texts(document.get("schedule_history")),
        min_clients=needed if isinstance(needed, int) and not isinstance(needed, bool) else 1,
        mandatory=_texts(document.get("mandatory_clients")),
        targets=_targets(document.get("deploy_map")),
    )


def _text(document: Mapping[str, Any], key: str) -> str:
    found = document.get(key)
    return clip(clean_line(found), _MOST_TEXT) if isinstance(found, str) else ""


def _texts(found: object) -> tuple[str, ...]:
    texts = found[-_MOST_JOBS:] if isinstance(found, list) else []
    return tuple(clip(clean_line(text), _MOST_TEXT) for text in texts if isinstance(text, str))


def _targets(found: object) -> tuple[str, ...]:
    """Return the sites of a ``deploy_map``; none where one of its apps is for all of them."""
    names = [name for app in found.values() for name in _named(app)] if isinstance(found, dict) else []
    if any(name.upper() == _ALL for name in names):
        return ()
    return tuple(name for name in names if name != "server")


def _named(found: object) -> Iterator[str]:
    """The forms that NVFLARE's ``extract_participants`` takes: a name, a list, or either under a word."""
    for one in found if isinstance(found, list) else [found]:
        inner = one.get("targets", one.get("sites")) if isinstance(one, dict) else one
        yield from _texts(inner if isinstance(inner, list) else [inner])


def _time(document: Mapping[str, Any], key: str) -> datetime | None:
    try:
        return parse_rfc_3339(_text(document, key)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def _seconds(document: Mapping[str, Any]) -> float | None:
    found = _DURATION.fullmatch(_text(document, "duration"))
    if not found:
        return None
    return int(found[1] or 0) * 86400 + int(found[2]) * 3600 + int(found[3]) * 60 + float(found[4])


def _sites(document: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """``job_deploy_detail`` is a list of texts such as ``site-1: OK``."""
    found = document.get("job_deploy_detail")
    pairs = (
        [text.partition(": ") for text in found[:_MOST_JOBS] if isinstance(text, str)]
        if isinstance(found, list)
        else []
    )
    cleaned = ((clean_line(name), clean_line(what)) for name, _, what in sorted(pairs))
    return tuple((clip(name, _MOST_TEXT), clip(what, _MOST_TEXT)) for name, what in cleaned)
