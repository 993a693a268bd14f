"""The log of a job is read from where jobs write: links and pipes are not followed, and there is a bound."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, Ended, run

PROGRAM = ROOT / "dockerfiles" / "joblog.py"
JOB = "5c455017-9180-4d2b-93ad-c934355d58bd"
OTHER = "5c455018-9180-4d2b-93ad-c934355d58bd"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspaces" / "server1"
    (folder / "startup").mkdir(parents=True)
    (folder / "startup" / "fed_server.json").touch()
    return folder


def read(workspace: Path, job: str = JOB, lines: int = 0) -> Ended:
    return run([sys.executable, "-I", PROGRAM, job, str(lines)], env={"FLARE_WORKSPACE": str(workspace)}, timeout=20)


def test_of_a_job_that_runs(workspace: Path) -> None:
    (workspace / JOB).mkdir()
    (workspace / JOB / "log.txt").write_text("a\nb\nc\n")
    assert read(workspace).out == "a\nb\nc\n"
    assert read(workspace, JOB[:8], 2).out == "b\nc\n"


def test_of_a_job_that_has_ended(workspace: Path) -> None:
    store = workspace / "../../job-store/jobs-storage" / JOB
    store.mkdir(parents=True)
    with zipfile.ZipFile(store / "workspace", "w") as archive:
        archive.writestr(f"{JOB}/app_server/log.txt", "of the application\n")
        archive.writestr("log.txt", "of the job\n")
    assert read(workspace).out == "of the job\n"
    # A site has no job store.
    (workspace / "startup" / "fed_server.json").unlink()
    assert read(workspace).returncode == 44


def test_ids_that_mean_nothing_or_too_much(workspace: Path) -> None:
    for job in (JOB, OTHER):
        (workspace / job).mkdir()
    assert read(workspace, "5c45501").returncode == 45
    assert read(workspace, "6c").returncode == 44
    assert read(workspace).returncode == 44


@pytest.mark.parametrize("harm", ["a link", "a pipe", "a folder", "a link above"])
def test_what_a_job_puts_in_its_place_is_not_followed(workspace: Path, harm: str, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "log.txt").write_text("secret\n")
    log = workspace / JOB / "log.txt"
    if harm == "a link above":
        (workspace / JOB).symlink_to(tmp_path / "secret")
    else:
        (workspace / JOB).mkdir()
    if harm == "a link":
        log.symlink_to(tmp_path / "secret" / "log.txt")
    elif harm == "a pipe":
        os.mkfifo(log)
    elif harm == "a folder":
        log.mkdir()
    ended = read(workspace)
    assert (ended.returncode, ended.out) == (44, "")


def test_no_more_than_its_end_is_read(workspace: Path) -> None:
    (workspace / JOB).mkdir()
    with (workspace / JOB / "log.txt").open("wb") as log:
        log.truncate(1 << 32)
        log.seek(0, os.SEEK_END)
        log.write(b"\nthe end\n")
    ended = read(workspace)
    assert ended.out.endswith("the end\n")
    assert len(ended.out) == 4 << 20
