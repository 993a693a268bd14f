"""Runs NVFLARE's own provisioner, which the extra ``flare-composer[provision]`` brings."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.model.reporter import Reporter
from composer.system.process import stream


def provision(project: Path, workspace: Path, reporter: Reporter) -> Path:
    """Run ``nvflare provision`` and return the ``prod_NN`` folder that it made.

    Args:
        project: project.yml.
        workspace: NVFLARE's workspace folder; made where it is missing.
        reporter: Hears what is done, and each line that the provisioner writes.

    Raises:
        ComposerError: There is no such file, NVFLARE is not installed beside composer, or it fails.
    """
    reporter.step(f"Provisioning {project}")
    if not project.is_file():
        raise ComposerError(f"there is no {project}", "name the project.yml of your federation")
    if importlib.util.find_spec("nvflare") is None:
        raise ComposerError("NVFLARE is not installed here", "pip install 'flare-composer[provision]'")
    before = _productions(workspace)
    argv = (sys.executable, "-m", "nvflare.cli", "provision", "-p", str(project), "-w", str(workspace))
    stream(Command((*argv, "--force")), reporter.output)
    made = max(_productions(workspace) - before, key=_number, default=None)
    if made is None:
        raise ComposerError("nvflare provision made no kits", f"see what lies in {workspace}")
    former = max((path for path in before if path.parent == made.parent), key=_number, default=None)
    if former:
        reporter.warn(
            f"{made.name} is new, and {former.name} is still there: what was started from it goes on with it; "
            f"let sites join that are new in it with: composer add {made}, or change all to the new kits with: "
            f"composer up {made}"
        )
    return made


def newest_production(workspace: Path) -> Path | None:
    """Return the ``prod_NN`` folder in NVFLARE's workspace that was made last; None where there is none."""
    return max(_productions(workspace), key=_number, default=None)


def _productions(workspace: Path) -> set[Path]:
    return {path for path in workspace.glob("*/prod_*") if path.is_dir()}


def _number(production: Path) -> tuple[int, str]:
    # NVFLARE writes two digits, and after prod_99 three.
    number = production.name.removeprefix("prod_")
    return int(number) if number.isdecimal() else -1, str(production)
