"""What the participants write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from composer.hosts.logs import LogQuery
from composer.hosts.logs import logs as read_logs
from composer.model.reporter import SILENT, Reporter
from composer.system.times import as_docker_takes_it, moment
from composer.usecases.inputs import deployed


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

    Raises:
        ComposerError: There is no deployment there, no such participant, or ``since`` is no time.
    """
    if since:
        # What runs the participants, here or on other hosts, is told the same moment.
        since = as_docker_takes_it(moment(since, datetime.now(timezone.utc)))
    query = LogQuery(tuple(names), follow, lines, since, colour, timestamps)
    read_logs(deployed(deployment), deployment, query, line, reporter)
