"""Why somebody is not well, or a job does not run: what was seen, and what that means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from composer.model.report import Job
from composer.model.status import ParticipantStatus

UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Cause:
    """One reason; the fields are those of ``composer why --json``.

    Attributes:
        id: Of its kind; ``UNKNOWN`` says that none was found.
        about: The participant, or the job's id.
        message: The reason, as a sentence.
        evidence: What was seen that says so: lines of logs, answers of probes.
        fix: What to do about it.
    """

    id: str
    about: str
    message: str
    evidence: tuple[str, ...]
    fix: str


@dataclass(frozen=True)
class ParticipantEvidence:
    """What is known of a participant that is not well.

    Attributes:
        status: How it is seen to run; its detail has what was probed.
        server: How its server is seen to run; None where that is not in this deployment.
        log: What it wrote last, since it was registered the last time.
        server_log: What its server wrote last, a record each, since it had the participant the last time.
    """

    status: ParticipantStatus
    server: ParticipantStatus | None = None
    log: tuple[str, ...] = ()
    server_log: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobEvidence:
    """What is known of a job that did not end as it should, or has not ended.

    Attributes:
        job: What the job store has of it; where the store is out of sight, its id alone.
        connected: The sites that are registered.
        sites: All sites of the deployment.
        others: The jobs that run meanwhile.
        server_log: The records of the server that name the job.
        logs: What each participant wrote while it had the job, by name.
    """

    job: Job
    connected: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    server: ParticipantStatus | None = None
    server_log: tuple[str, ...] = ()
    logs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Explanation:
    """What ``composer why`` found; ``well`` are those who were asked about and lack nothing."""

    federation: str
    causes: tuple[Cause, ...]
    well: tuple[str, ...] = ()
