"""``composer demo``: a sample project from nothing to a job's result, with the same use cases that users call."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import composer
from composer.model.errors import ComposerError
from composer.model.reporter import Reporter
from composer.runtimes import runtime_of
from composer.system.process import run
from composer.usecases.down import down
from composer.usecases.inputs import Inputs, deployed
from composer.usecases.provision import newest_production, provision
from composer.usecases.up import DEFAULT_TIMEOUT, up

_JOB_SECONDS = 120


@dataclass(frozen=True)
class DemoResult:
    """What the sample job made of the weights, and how it ended."""

    job: str
    status: str
    before: list[list[float]]
    after: list[list[float]]


def demo(folder: Path, definition: Path | None, reporter: Reporter, timeout: float = DEFAULT_TIMEOUT) -> DemoResult:
    """Provision a sample project, build, up, run a job of three rounds, fetch its result, and down.

    Args:
        folder: Where all of it is put; kits that an earlier demo left there are used again.
        definition: composer.yml for what this machine needs (base image, proxy); its ``kits`` are not used.
        reporter: Hears what is done.
        timeout: Seconds to wait for the registrations.

    Raises:
        ComposerError: A step failed, or the result is not what three rounds of adding one must give.
    """
    folder = folder.absolute()
    job = _sample(folder)
    workspace = folder / "workspace"
    kits = newest_production(workspace) or provision(folder / "project.yml", workspace, reporter)
    inputs = Inputs((kits,), definition, folder / "deployment")
    up(inputs, reporter, timeout)
    try:
        result = _run_job(inputs.deployment, job, reporter)
    finally:
        down(inputs.deployment, reporter)
    expected = [[weight + 3 for weight in row] for row in result.before]
    if result.after != expected:
        raise ComposerError(f"the job ended with {result.after} instead of {expected}", f"see the logs in {folder}")
    return result


def _sample(folder: Path) -> Path:
    """Copy the quickstart example to ``folder`` and return its job."""
    packaged = Path(composer.__file__).parent / "examples" / "quickstart"
    source = packaged if packaged.is_dir() else packaged.parents[2] / "examples" / "quickstart"
    (folder / "job").mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "project.yml", folder / "project.yml")
    shutil.copytree(source / "job", folder / "job", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "job"


def _run_job(deployment: Path, job: Path, reporter: Reporter) -> DemoResult:
    reporter.step("Running a job of three rounds on both sites")
    submitted = _nvflare(deployment, "job", "submit", "-j", str(job))
    identity = str(submitted["job_id"])
    ended = _nvflare(deployment, "job", "wait", identity, "--timeout", str(_JOB_SECONDS), "--interval", "1")
    result = Path(str(_nvflare(deployment, "job", "download", identity)["download_path"]))
    model = result / "workspace" / "models" / "server.npy"
    read = ("python3", "-c", "import json, sys, numpy; print(json.dumps(numpy.load(sys.argv[1]).tolist()))")
    after = json.loads(_in_admin(deployment, *read, str(model)))
    server = json.loads((job / "app" / "config" / "config_fed_server.json").read_text(encoding="utf-8"))
    before = server["components"][0]["args"]["model"]
    return DemoResult(identity, str(ended.get("status", "")), before, after)


def _nvflare(deployment: Path, *arguments: str) -> dict[str, object]:
    """Return the data of one ``nvflare --format json`` command run as the administrator."""
    answer = json.loads(_in_admin(deployment, "nvflare", "--format", "json", *arguments))
    data = answer.get("data")
    return data if isinstance(data, dict) else {}


def _in_admin(deployment: Path, *argv: str) -> str:
    manifest = deployed(deployment)
    service = manifest.admins[0].service
    command = runtime_of(manifest, deployment).in_console(service, argv, deployment.parent, terminal=False)
    return run(command, timeout=_JOB_SECONDS)
