"""What the participants write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from composer.system.process import stream
from composer.usecases.session import deployed


def logs(
    deployment: Path,
    names: Sequence[str],
    line: Callable[[str], None],
    follow: bool = False,
    lines: int | None = None,
    since: str | None = None,
    colour: bool = False,
) -> None:
    """Read participants' logs, each line with its participant's name and without NVFLARE's bearer tokens.

    Args:
        deployment: The deployment folder.
        names: Whose; empty: everybody's.
        line: Gets each line.
        follow: Go on with what comes.
        lines: Only so many of the last lines of each.
        since: Only from this time on: RFC 3339, or how long ago (``10m``).
        colour: Keep colours.

    Raises:
        ComposerError: There is no deployment there, or no such participant.
    """
    from composer.runtimes import runtime_of, services
    from composer.system.redact import clean_log_line

    manifest = deployed(deployment)
    if manifest.hosts:
        from composer.hosts.logs import logs as logs_of_hosts

        logs_of_hosts(manifest, deployment, names, line, follow, lines, since, colour)
        return
    runtime = runtime_of(manifest, deployment)
    command = runtime.logs(services(manifest, names), follow, lines, since, colour)
    stream(command, lambda text: line(runtime.by_participant(clean_log_line(text, colour))))
