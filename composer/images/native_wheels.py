"""Collects wheels for bundles of plain processes: by pip itself, for a Python and a platform that may be another's."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from composer.kits.releases import nearest_release
from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError
from composer.model.federation import Image
from composer.render.bundle import Target
from composer.system.process import Echo, stream

MACHINES = ("x86_64", "aarch64")
# pip takes the tags that it is told literally; what RHEL 8, Debian 10 and anything newer run.
_GLIBC = range(28, 4, -1)


def default_target(images: Sequence[Image], python: str | None, machine: str | None) -> Target:
    """Return what wheels are collected for: this machine's Python and platform unless told otherwise.

    Raises:
        ComposerError: NVFLARE does not run on that Python.
    """
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    chosen = Target(python or here, machine or platform.machine())
    parts = tuple(int(part) for part in chosen.python.split("."))
    for image in images:
        release = nearest_release(image.nvflare)
        if not release.runs_on((parts[0], parts[1])):
            oldest, newest = (".".join(map(str, version)) for version in (release.oldest_python, release.newest_python))
            raise ComposerError(
                f"NVFLARE {image.nvflare} does not run on Python {chosen.python}",
                f"name the far side's Python, from {oldest} to {newest}: --python {newest}",
            )
    return chosen


def collect(image: Image, target: Target, folder: Path, line: Echo) -> None:
    """Collect the wheels of all that ``image`` asks for, and pip's own, into ``folder``.

    What the index has only as source is built here: that serves everywhere if it is pure Python.

    Raises:
        ComposerError: The index cannot be reached or lacks something.
    """
    with TemporaryDirectory(prefix="composer-") as place:
        work = Path(place)
        (work / "requirements.txt").write_text(image.requirements, encoding="utf-8")
        pip = _own_pip(work, _interpreter(target.python), line)
        options = (*image.pip_options, *_given_wheels(image))
        environment = tuple(
            (name, str(value))
            for name, value in (("PIP_CERT", image.ca_bundle), ("PIP_CONFIG_FILE", image.pip_config))
            if value
        )
        asked = ("--requirement", str(work / "requirements.txt"), "pip")
        built = work / "built"
        try:
            stream(Command((*pip, "wheel", "--wheel-dir", str(built), *options, *asked), environment), line)
            stream(_download(pip, target, built, folder, (*options, *asked), environment), line)
        except CommandFailed as error:
            raise ComposerError(
                f"the wheels for Python {target.python} on {target.machine} cannot be had: {_cause(error)}",
                "see the network and pip's settings (image.ca_bundle, image.pip_config), and the requirements",
            ) from error


def _download(
    pip: Sequence[str],
    target: Target,
    built: Path,
    folder: Path,
    asked: Sequence[str],
    environment: tuple[tuple[str, str], ...],
) -> Command:
    tags = [f"manylinux_2_{minor}_{target.machine}" for minor in _GLIBC] + [f"manylinux2014_{target.machine}"]
    # What was built here runs there if it is the same Python and the same platform.
    tags += [f"linux_{target.machine}"] if _is_here(target) else []
    platforms = [part for tag in tags for part in ("--platform", tag)]
    which = ("--only-binary", ":all:", "--python-version", target.python, "--implementation", "cp", *platforms)
    pure = ("--find-links", str(built))
    return Command((*pip, "download", "--dest", str(folder), *which, *pure, *asked), environment)


def _own_pip(work: Path, interpreter: str, line: Echo) -> tuple[str, ...]:
    stream(Command((interpreter, "-m", "venv", str(work / "venv"))), line)
    return (str(work / "venv" / "bin" / "python3"), "-m", "pip", "--disable-pip-version-check", "--no-input")


def _interpreter(python: str) -> str:
    """The target's own Python where it is here: what is built from source is then sure to fit it."""
    return shutil.which(f"python{python}") or sys.executable


def _is_here(target: Target) -> bool:
    here = f"{sys.version_info.major}.{sys.version_info.minor}" == target.python
    return (here or bool(shutil.which(f"python{target.python}"))) and target.machine == platform.machine()


def _given_wheels(image: Image) -> tuple[str, ...]:
    return ("--no-index", f"--find-links={image.wheels.folder}") if image.wheels else ()


def _cause(error: CommandFailed) -> str:
    errors = [line for line in error.stderr.splitlines() if line.startswith("ERROR:")]
    return errors[-1].removeprefix("ERROR:").strip() if errors else error.message
