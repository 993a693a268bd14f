"""``composer why``: the causes that are known for who is not well, and for jobs that wait or have failed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from composer.deployment.manifest import Manifest
from composer.hosts.evidence import Written, read_evidence
from composer.model.cause import Cause, Explanation, JobEvidence, ParticipantEvidence
from composer.model.errors import ComposerError
from composer.model.nearest import nearest
from composer.model.report import Job, Unknown
from composer.model.reporter import some_of
from composer.model.status import FederationStatus, ParticipantStatus
from composer.runtimes.job_causes import find_job_causes
from composer.runtimes.job_lines import lines_of_job, lines_of_no_job
from composer.runtimes.participant_causes import find_participant_causes
from composer.usecases.inputs import deployed
from composer.usecases.jobs import stored_jobs
from composer.usecases.status import status

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# So much of an id names a job.
_SHORTEST = 4
# With it a server begins anew, who may have been given other settings.
_BEGINS = "creating listener on"
# What the scheduler says of a job that it starts.
_STARTED = "scheduled"


def why(deployment: Path, about: str | None = None) -> Explanation:
    """Find out why a participant is not well, or a job waits or has failed.

    Args:
        deployment: The deployment folder.
        about: A participant, or a job by its id, the beginning of it, or its name; None: everybody who is not well, and
            every job that the server could not start yet.

    Returns:
        For each the most probable cause first; one of id UNKNOWN where nothing says why.

    Raises:
        ComposerError: There is no deployment there, no engine answers, or nobody and no job is called so.
    """
    manifest = deployed(deployment)
    jobs = stored_jobs(deployment, manifest)
    names, chosen = _choose(manifest, jobs, about)
    seen = status(deployment)
    rows = {one.name: one for one in seen.participants if about is None or one.name in names}
    ill = {name: one for name, one in rows.items() if not one.well}
    asked = [one.name for one in manifest.started] if chosen else list(ill)
    words = (*ill, *(job.id for job in chosen))
    written = read_evidence(manifest, deployment, asked, (*words, _BEGINS)) if words else Written()
    causes = [
        *(cause for one in ill.values() for cause in find_participant_causes(_of(one, seen, written))),
        *(cause for job in chosen for cause in _of_job(job, jobs, seen, written, about is not None)),
    ]
    completed = [job.id for job in chosen if job.completed]
    return Explanation(seen.federation, tuple(causes), (*(name for name in rows if name not in ill), *completed))


def _choose(manifest: Manifest, jobs: Sequence[Job] | Unknown, about: str | None) -> tuple[list[str], list[Job]]:
    """Return which participants and which jobs are asked about."""
    stored = () if isinstance(jobs, Unknown) else jobs
    if about is None:
        return [], [job for job in stored if _waits(job)]
    if about in (admin.name for admin in manifest.admins):
        raise ComposerError(f"{about} is an administrator, who runs only at a console", f"composer admin {about}")
    if about in (one.name for one in manifest.started):
        return [about], []
    exact = [job for job in stored if about in (job.id, job.name)]
    found = exact[:1] or [job for job in stored if len(about) >= _SHORTEST and job.id.startswith(about)]
    if len(found) == 1:
        return [], found
    if found:
        raise ComposerError(f"{len(found)} jobs begin with {about}", f"name one: {some_of([job.id for job in found])}")
    if isinstance(jobs, Unknown) and _ID.fullmatch(about):
        # What the server writes of it is all that is known then.
        return [], [Job(about, "", "")]
    raise _nobody(manifest, jobs, stored, about)


def _nobody(manifest: Manifest, jobs: Sequence[Job] | Unknown, stored: Sequence[Job], about: str) -> ComposerError:
    if isinstance(jobs, Unknown):
        return ComposerError(
            f"no participant is called {about}, and jobs cannot be looked through: {jobs.cause}",
            "name a job by its whole id: composer admin -- job list",
        )
    near = nearest(about, [*(one.name for one in manifest.started), *(job.name for job in stored)])
    names = some_of([one.name for one in manifest.started], 12)
    hint = f"did you mean {near}?" if near else f"there are {names}; jobs: composer admin -- job list"
    return ComposerError(f"no participant and no job is called {about}", hint)


def _waits(job: Job) -> bool:
    """Whether the server could not start it when it tried last, and goes on trying."""
    return job.status == "SUBMITTED" and bool(job.history) and not job.history[-1].endswith(_STARTED)


def _of(one: ParticipantStatus, seen: FederationStatus, written: Written) -> ParticipantEvidence:
    log = lines_of_no_job(_after(written.logs.get(one.name, ()), "Successfully registered client:"))
    named = tuple(line for line in _after(written.server, _BEGINS) if one.name in line)
    came = re.compile(rf"Client: New (?:client|relay) {re.escape(one.name)}@")
    return ParticipantEvidence(one, _server_of(seen), log, _after(named, came))


def _after(lines: Sequence[str], mark: str | re.Pattern[str]) -> tuple[str, ...]:
    """What was written before somebody was well says nothing of why it is not now."""
    pattern = re.compile(mark)
    last = next((at for at in range(len(lines) - 1, -1, -1) if pattern.search(lines[at])), -1)
    return tuple(lines[last + 1 :])


def _of_job(
    job: Job, jobs: Sequence[Job] | Unknown, seen: FederationStatus, written: Written, asked: bool
) -> tuple[Cause, ...]:
    if job.completed:
        return ()
    logs: Mapping[str, tuple[str, ...]] = {name: lines_of_job(job.id, log) for name, log in written.logs.items()}
    if not asked or job.status == "SUBMITTED":
        # It has not run: why it waits is the scheduler's to say.
        logs = {}
    others = [one for one in (() if isinstance(jobs, Unknown) else jobs) if one.status in ("RUNNING", "DISPATCHED")]
    sites = [one for one in seen.participants if one.type == "client"]
    return find_job_causes(
        JobEvidence(
            job=job,
            connected=tuple(one.name for one in sites if one.registered),
            sites=tuple(one.name for one in sites),
            others=tuple(f"{one.id} {one.name}" for one in others if one.id != job.id),
            server=_server_of(seen),
            server_log=tuple(line for line in written.server if job.id in line),
            logs=logs,
        )
    )


def _server_of(seen: FederationStatus) -> ParticipantStatus | None:
    return next((one for one in seen.participants if one.type == "server"), None)
