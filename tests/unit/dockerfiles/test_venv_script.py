"""Virtual environments are made by uv where there is one, and are there whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from composer.render.metal import render_metal
from composer.runtimes.process import Processes
from composer.runtimes.run_folder import LocalFolder
from tests.golden.cases import two_sites

# Notes how it is called.
UV = '#!/bin/sh\necho "$@" >> "$NOTES"\ncase "$*" in *--dry-run*) ;; *) exit "$STATUS" ;; esac\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A deployment of plain processes, and a uv."""
    for file in render_metal(two_sites().participants):
        path = tmp_path / "deployment" / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "uv").write_text(UV)
    (tmp_path / "own" / "uv").chmod(0o755)
    return tmp_path / "deployment"


def make(folder: Path, status: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "NOTES": str(folder / "notes"), "STATUS": str(status), **env}
    return subprocess.run(["bash", folder / "lib" / "venv.sh"], env=environment, capture_output=True, text=True)


def complete(folder: Path) -> bool:
    (environment,) = (folder / "python").iterdir()
    return (folder / "venvs" / environment.name / ".complete").is_file()


def test_composers_own_uv_installs_and_compiles(folder: Path) -> None:
    ended = make(folder, COMPOSER_UV=str(folder.parent / "own" / "uv"))
    assert ended.returncode == 0, ended.stderr
    assert complete(folder)
    (call,) = (folder / "notes").read_text().splitlines()
    assert call.startswith("pip install --python ")
    assert {"--compile-bytecode", "--quiet"} <= set(call.split())


def test_without_composer_it_is_the_uv_on_the_path(folder: Path) -> None:
    path = f"{folder.parent / 'own'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    assert make(folder, PATH=path).returncode == 0
    assert complete(folder)


def test_what_could_not_be_installed_is_not_taken_for_an_environment(folder: Path) -> None:
    ended = make(folder, status=2, COMPOSER_UV=str(folder.parent / "own" / "uv"))
    assert ended.returncode == 1
    assert "NVFLARE 2.9.0 cannot be installed into" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not complete(folder)


def test_composer_lends_its_uv_to_the_script_on_its_own_machine_alone(folder: Path) -> None:
    here, there = LocalFolder(folder), LocalFolder(folder, "ward-a")
    manifest: Any = None
    ((name, program),) = Processes(manifest, folder, here).prepare().environment
    assert name == "COMPOSER_UV"
    assert program is not None
    assert os.access(program, os.X_OK)
    assert Processes(manifest, folder, there).prepare().environment == ()


def test_a_folder_that_a_delivery_has_emptied_is_no_environment(folder: Path) -> None:
    (folder / "python" / "2.9.0-former").mkdir()
    assert make(folder, COMPOSER_UV=str(folder.parent / "own" / "uv")).returncode == 0
    assert not (folder / "venvs" / "2.9.0-former").exists()
