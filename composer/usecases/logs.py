"""What the participants write."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from composer.hosts.logs import LogQuery
from composer.hosts.logs import logs as read_logs
from composer.model.errors import ComposerError
from composer.model.reporter import SILENT, Reporter
from composer.system.foreign_text import escape_line
from composer.system.times import as_docker_takes_it, moment
from composer.usecases.inputs import deployed

_JOB = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{3,63}", re.ASCII)


def logs(
    deployment: Path,
    names: Sequence[str],
    line: Callable[[str], None],
    follow: bool = False,
    lines: int | None = None,
    since: str | None = None,
    colour: bool = False,
    reporter: Reporter = SILENT,
    timestamps: bool = False,
    job: str = "",
) -> None:
    """Read participants' logs, each line with its participant's name and without NVFLARE's bearer tokens.

    Args:
        deployment: The deployment folder.
        names: Whose; empty: everybody's.
        line: Gets each line.
        follow: Keep reading new lines.
        lines: Only so many of the last lines of each.
        since: Only from this time on, as Docker takes it: RFC 3339, how long ago (``1h30m``), Unix seconds.
        colour: Keep colours.
        reporter: Hears which host's logs have ended while those of others are followed.
        timestamps: Have Docker's own time before each line.
        job: What they have written of this job alone, by its id or how that begins; nothing else but ``lines`` says
            what of it.

    Raises:
        ComposerError: There is no deployment there, no such participant, no such job, or ``since`` is no time.
    """
    if job:
        from composer.hosts.job_logs import job_logs

        if not _JOB.fullmatch(job):
            raise ComposerError(f"{escape_line(job)!r} is no job's id", "see the jobs with: composer admin -- job list")
        job_logs(deployed(deployment), deployment, names, job, lines or 0, line, reporter)
        return
    if since:
        # What runs the participants, here or on other hosts, is told the same moment.
        since = as_docker_takes_it(moment(since, datetime.now(timezone.utc)))
    query = LogQuery(tuple(names), follow, lines, since, colour, timestamps)
    read_logs(deployed(deployment), deployment, query, line, reporter)
