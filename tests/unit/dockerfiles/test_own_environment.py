"""An environment of the user's own is looked at before anything starts, and nothing is installed into it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from composer.render.metal import render_metal
from tests.golden.cases import two_sites


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """One that has what is asked for: a virtual environment without pip, with the records of packages."""
    folder = tmp_path / "own"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    record(folder, "nvflare", "2.9.1", "psutil>=7", "torch; extra == 'pt'")
    record(folder, "psutil", "7.2.2")
    record(folder, "monai", "1.4.0")
    # What reads versions and conditions; most environments have it.
    import packaging

    (site(folder) / "packaging").symlink_to(Path(packaging.__file__).parent)
    return folder


def site(folder: Path) -> Path:
    (found,) = folder.glob("lib/python3*/site-packages")
    return found


def record(folder: Path, name: str, version: str, *needs: str) -> None:
    for former in site(folder).glob(f"{name}-*.dist-info"):
        (former / "METADATA").unlink()
        former.rmdir()
    place = site(folder) / f"{name}-{version}.dist-info"
    place.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {n}" for n in needs)]
    (place / "METADATA").write_text("\n".join(lines) + "\n")


def examine(tmp_path: Path, environment: Path, requirements: str = "monai==1.4.0  # for the job\n") -> str:
    """Run venv.sh of a deployment whose participants are to run in an environment; return what it says."""
    federation = two_sites()
    participants = [
        replace(one, image=replace(one.image, existing_environment=str(environment), requirements=requirements))
        for one in federation.participants
    ]
    for file in render_metal(participants):
        path = tmp_path / "deployment" / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    ended = subprocess.run(["bash", tmp_path / "deployment/lib/venv.sh"], capture_output=True, text=True)
    assert ended.returncode == bool(ended.stderr), ended.stderr
    assert not (tmp_path / "deployment/venvs").exists()
    return ended.stderr


def test_one_that_has_everything_is_left_as_it_is(tmp_path: Path, environment: Path) -> None:
    before = sorted(environment.rglob("*"))
    hashed = "nvflare==2.9.0\n# a comment\n--no-binary :none:\nmonai>=1.3 \\\n    --hash=sha256:00\n"
    assert examine(tmp_path, environment, hashed) == ""
    assert sorted(environment.rglob("*")) == before


def test_the_release_must_be_that_of_the_kits(tmp_path: Path, environment: Path) -> None:
    record(environment, "nvflare", "2.8.3")
    cause, hint = examine(tmp_path, environment).splitlines()
    assert cause == f"error: the Python environment {environment} has NVFLARE 2.8.3, and the kits need 2.9"
    assert hint.startswith(f" hint: what it must have: {environment}/bin/python3 -m pip install -r ")


@pytest.mark.parametrize(
    ("requirements", "cause"),
    [
        ("torch==2.13.0\n", "has no torch"),
        ("monai==1.5.0\n", "has monai 1.4.0, and monai==1.5.0 is asked for"),
        ("torch; python_version < '3'\n", ""),
    ],
)
def test_what_jobs_import_must_be_there(tmp_path: Path, environment: Path, requirements: str, cause: str) -> None:
    said = examine(tmp_path, environment, requirements)
    assert (f"the Python environment {environment} {cause}\n" in said) if cause else said == ""


def test_what_nvflare_needs_must_be_there(tmp_path: Path, environment: Path) -> None:
    record(environment, "nvflare", "2.9.0", "psutil", "grpcio>=1.62")
    assert f"{environment} has no grpcio\n" in examine(tmp_path, environment)


def test_one_without_nvflare_or_without_python_is_named(tmp_path: Path, environment: Path) -> None:
    empty = tmp_path / "empty"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", empty], check=True)
    assert f"{empty} has no NVFLARE; the kits need 2.9\n" in examine(tmp_path, empty)
    (empty / "bin/python3").unlink()
    assert f"there is no {empty}/bin/python3 on this machine\n" in examine(tmp_path, empty)
