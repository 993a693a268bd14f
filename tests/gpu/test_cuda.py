"""A job that trains on a GPU, as plain processes in an environment that has NVFLARE and PyTorch: `make test-gpu`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import Deployment, free_port, provision
from tests.jobs.runner import PLANE, Federation

# What is looked for; cpu: on a machine without a GPU, to try the rest of it.
DEVICE = os.environ.get("COMPOSER_TEST_DEVICE", "cuda")


@pytest.mark.nvflare
def test_a_job_trains_on_the_gpu_of_its_site(tmp_path: Path) -> None:
    environment = Path(os.environ["COMPOSER_TEST_ENVIRONMENT"])
    definition = tmp_path / "composer.yml"
    definition.write_text(
        f"runtime: process\nnvflare_environment: {environment}\n"
        'participants: {site-1: {gpus: ["0"]}, site-2: {gpus: all}}\n'
    )
    kits = provision(tmp_path, "gpu", free_port())
    federation = Federation(Deployment(tmp_path / "deployment", kits, definition), environment / "bin/python3")
    with federation.deployment.running():
        results = federation.complete(federation.export(DEVICE, tmp_path / "job"), tmp_path / "results")
        trained = federation.trained(federation.deployment.run("logs").out)
        print(*trained, sep="\n")
        assert {one["site"] for one in trained} == {"site-1", "site-2"}
        assert {one["device"].split(":")[0] for one in trained} == {DEVICE}
        assert {one["visible"] for one in trained if one["site"] == "site-1"} == {"0"}
        assert federation.weights(results) == pytest.approx(PLANE, abs=0.1)
