"""What cannot be done is said in two lines, whichever command it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import composer
from tests.kitmaker import Project, provision

NOBODY = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}


@pytest.mark.parametrize(
    "command",
    ["status", "logs", "admin -- job list", "images", "down", "stop", "start", "restart site-1", "exec site-1 ls"],
)
def test_an_engine_that_does_not_answer(command: str, tmp_path: Path) -> None:
    assert composer("generate", provision(tmp_path, Project("2.9", name="twolines")).prod, cwd=tmp_path).returncode == 0
    ended = composer(*command.split(), cwd=tmp_path, **NOBODY)
    assert ended.returncode == 1
    assert ended.err.splitlines()[-2:] == [
        "error: no Docker engine answers at unix:///nonexistent/docker.sock",
        " hint: start Docker, or set DOCKER_HOST to your engine",
    ]


@pytest.mark.parametrize("arguments", [[], ["save", "there"], ["sbom", "there"], ["push"]], ids=len)
def test_plain_processes_have_no_images(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "composer.yml").write_text("runtime: process\n")
    assert composer("generate", provision(tmp_path, Project("2.9", name="twolines")).prod, cwd=tmp_path).returncode == 0
    ended = composer("images", *arguments, cwd=tmp_path, **NOBODY)
    assert ended.returncode == 1
    assert "runs as plain processes, which have no images" in ended.err
    assert "deployment/venvs" in ended.err


@pytest.mark.nvflare
def test_a_second_provisioning_says_what_becomes_of_the_first(tmp_path: Path) -> None:
    from tests.conftest import provision as provision_for_real

    provision_for_real(tmp_path, "twice", 8002)
    ended = composer("provision", tmp_path / "project.yml", "-w", tmp_path / "workspace")
    assert ended.returncode == 0
    assert ended.out.strip().endswith("prod_01")
    assert "prod_01 is new, and prod_00 is still there" in ended.err
