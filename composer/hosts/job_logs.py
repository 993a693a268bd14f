"""What participants have written of one job, read where each of them runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.hosts.connected import ConnectedHost, connect_hosts
from composer.model.errors import CommandFailed, ComposerError
from composer.model.reporter import Reporter, some_of
from composer.render.templates import read_template
from composer.runtimes import services
from composer.system.process import stream
from composer.system.redact import clean_log_line

# As dockerfiles/joblog.py ends.
_NONE, _SEVERAL = 44, 45


def job_logs(
    manifest: Manifest,
    deployment: Path,
    names: Sequence[str],
    job: str,
    lines: int,
    line: Callable[[str], None],
    reporter: Reporter,
) -> None:
    """Read what participants have written of a job.

    Args:
        manifest: What the deployment says of itself.
        deployment: The deployment folder.
        names: Whose; empty: everybody's.
        job: The job's id, or how that begins.
        lines: Only so many of the last lines of each; 0: all of the last 4 MiB.
        line: Gets each line, with its participant's name in front.
        reporter: Hears who does not run.

    Raises:
        ComposerError: There is no such participant, none of them has the job, several jobs begin so, or some hosts are
            away; the others' logs were read.
    """
    services(manifest, names)
    chosen = [one for one in manifest.started if not names or one.name in names]
    lock, having, asked = threading.Lock(), list[str](), list[str]()

    with connect_hosts(manifest, deployment, names=[one.host for one in chosen]) as hosts:

        def read_one(host: ConnectedHost, one: DeployedParticipant) -> None:
            asked.append(one.name)
            written = _read(host, one, job, lines)
            if written is None:
                return
            with lock:
                having.append(one.name)
                for text in written:
                    line(f"{one.name} | {clean_log_line(text, False)}")

        def read(host: ConnectedHost) -> None:
            there = [one for one in chosen if one.host == host.name]
            with host.entered(), host.named():
                running = host.lifecycle.running(host.manifest)
                for one in there:
                    if one.name in running:
                        read_one(host, one)
                    else:
                        reporter.warn(f"{one.name} does not run, so its logs cannot be read")

        hosts.drop(hosts.each(read))
        if hosts.unreachable:
            raise hosts.failure()
    if not having:
        whom = f"none of {some_of(asked)} has" if asked else "nobody runs who could have"
        raise ComposerError(f"{whom} a log of job {job}", "see the jobs with: composer admin -- job list")


def _read(host: ConnectedHost, one: DeployedParticipant, job: str, lines: int) -> list[str] | None:
    """Return what a participant has written of a job; None where it has nothing of it."""
    program, written = read_template("joblog.py").decode(), list[str]()
    command = host.runtime.inside(one.service, ("python3", "-I", "-c", program, job, str(lines)), False)
    try:
        stream(command, written.append)
    except CommandFailed as error:
        if error.returncode == _SEVERAL:
            raise ComposerError(f"several jobs begin with {job}", "write more of the id") from None
        if error.returncode == _NONE:
            return None
        raise ComposerError(f"{one.name} cannot be asked for its log: {error.last_line}", error.hint) from error
    return written
