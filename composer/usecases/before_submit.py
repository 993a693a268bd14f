"""What would keep a job from running, said before it is submitted. It stops nothing: the server decides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from composer.deployment.manifest import Manifest
from composer.model.errors import ComposerError
from composer.model.report import Job
from composer.model.reporter import Reporter

# As NVFLARE's own command line spells them.
_FOLDER = ("-j", "--job-folder", "--job_folder")
_DEFAULT = "current_job"
_MOST = 2**20


def warn_of_job(manifest: Manifest, deployment: Path, arguments: Sequence[str], reporter: Reporter) -> None:
    """Warn where the job that ``nvflare ARGUMENTS`` submits needs sites that are not registered.

    Args:
        manifest: What the deployment says of itself.
        deployment: The deployment folder.
        arguments: Of ``nvflare``.
        reporter: Hears the warnings.
    """
    from composer.runtimes.job_causes import examine_job
    from composer.usecases.status import status

    job = _read_job(arguments)
    if job is None or not any(one.type == "server" for one in manifest.started):
        # Which sites are registered elsewhere is not known here.
        return
    try:
        seen = status(deployment).participants
    except ComposerError:
        # Whoever submits it says so.
        return
    sites = [one for one in seen if one.type == "client"]
    connected = [one.name for one in sites if one.registered]
    for cause in examine_job(job, connected, [one.name for one in sites]):
        reporter.warn(f"{job.name or 'the job'}: {cause.message}; {cause.fix}")


def _read_job(arguments: Sequence[str]) -> Job | None:
    """Return what the job's meta.json asks for; None where none is submitted, or it cannot be read."""
    from composer.runtimes.job_store import parse_job

    if "submit" not in arguments or "job" not in arguments[: arguments.index("submit")]:
        return None
    try:
        with (Path(_folder_in(arguments)) / "meta.json").open("rb") as stream:
            document = json.loads(stream.read(_MOST))
    except (OSError, ValueError, RecursionError):
        return None
    return parse_job(document, "the job") if isinstance(document, dict) else None


def _folder_in(arguments: Sequence[str]) -> str:
    for at, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if option in _FOLDER:
            return value if equals else next(iter(arguments[at + 1 :]), _DEFAULT)
    return _DEFAULT
