"""Two federations for all jobs: containers over an image with PyTorch, and processes in an environment with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, Deployment, docker, free_port, missing, provision
from tests.jobs.runner import Federation

# What tests/machine/jobs.sh has made.
JOBS = ROOT / os.environ.get("COMPOSER_JOBS", ".venv-jobs")
BASE = "composer-test-torch:2.13.0"
_DOCKERFILE = """\
FROM {base}
RUN --mount=type=bind,source=wheels,target=/wheels --mount=type=bind,source=uv,target=/uv \\
    /uv pip install --system --break-system-packages --no-index --find-links=/wheels torch nvflare numpy
"""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where COMPOSER_JOBS_PART says so, as N/M, run only every M-th job, from the N-th on."""
    if not (part := os.environ.get("COMPOSER_JOBS_PART")):
        return
    number, parts = map(int, part.split("/"))
    jobs = [item for item in items if Path(__file__).parent in item.path.parents]
    left_out = [item for at, item in enumerate(jobs) if at % parts != number % parts]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def environment() -> Path:
    """A Python environment with NVFLARE and PyTorch."""
    if not (JOBS / ".complete").exists():
        missing("there is nothing to run jobs on: use `make test-jobs`")
    return JOBS / "environment"


@pytest.fixture(scope="session")
def torch_base(
    engine: None, environment: Path, definition: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """An image that has NVFLARE and PyTorch already, as those of GPU frameworks have."""
    usual = f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim-bookworm"
    base = yaml.safe_load(definition.read_text())["image"]["base"] if definition else usual
    context = tmp_path_factory.mktemp("torch")
    (context / "wheels").mkdir()
    for wheel in (JOBS / "wheels").iterdir():
        os.link(wheel, context / "wheels" / wheel.name)
    shutil.copy(Path(sys.executable).parent / "uv", context / "uv")
    (context / "Dockerfile").write_text(_DOCKERFILE.format(base=base))
    docker("build", "--quiet", "--network", "none", "--tag", BASE, str(context))
    return BASE


@pytest.fixture(scope="session")
def containers(
    torch_base: str, environment: Path, definition: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Federation]:
    """A federation in containers; site-2 alone has a package of its own."""
    folder = tmp_path_factory.mktemp("jobs-containers")
    document = yaml.safe_load(definition.read_text()) if definition else {"image": {}}
    document["image"]["base"] = torch_base
    (folder / "site-2.txt").write_text("inflection==0.5.1\n")
    port = free_port()
    deployment = Deployment(folder / "deployment", provision(folder, f"jobs{port}", port), folder / "composer.yml")
    federation = Federation(deployment, environment / "bin/python3")
    # From site-1 a recipe is submitted; NVFLARE writes logs where the kit is, and kits are never changed.
    shutil.copytree(federation.admin_kit, folder / "kit" / federation.admin_kit.name)
    kit = {"source": str(folder / "kit"), "target": "/kit", "read_only": False}
    jobs = {"source": str(Path(__file__).parent), "target": "/jobs"}
    document["participants"] = {
        "site-1": {"data": [kit, jobs]},
        "site-2": {"image": {"requirements": "site-2.txt"}},
    }
    (folder / "composer.yml").write_text(yaml.safe_dump(document))
    with deployment.running():
        yield federation


@pytest.fixture(scope="session")
def processes(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """A federation of plain processes in an environment of the user's own."""
    folder = tmp_path_factory.mktemp("jobs-processes")
    (folder / "composer.yml").write_text(f"runtime: process\nnvflare_environment: {environment}\n")
    deployment = Deployment(folder / "deployment", provision(folder, "jobs", free_port()), folder / "composer.yml")
    before = packages(environment)
    with deployment.running():
        yield Federation(deployment, environment / "bin/python3")
    assert packages(environment) == before


def packages(environment: Path) -> Sequence[str]:
    """Return what is installed in an environment."""
    listed = subprocess.run([environment / "bin/pip", "freeze"], check=True, capture_output=True, text=True)
    return listed.stdout.splitlines()
