"""``logs --since`` means the same moment whatever runs the participants, and what is no time is refused alike."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests import kitmaker
from tests.conftest import Ended, composer


@pytest.fixture(params=["docker", "process"])
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A deployment whose tools print their arguments alone: docker, or the script for plain processes."""
    kits = kitmaker.provision(tmp_path, kitmaker.Project("2.9")).prod
    (tmp_path / "composer.yml").write_text(f"runtime: {request.param}\n")
    folder = tmp_path / "deployment"
    ended = composer("generate", kits, "-C", folder, "-f", tmp_path / "composer.yml")
    assert ended.returncode == 0, ended.err
    (tmp_path / "docker").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "docker").chmod(0o755)
    if request.param == "process":
        (folder / "logs.sh").write_text('echo "$@"\n')
    return folder


def logs(deployment: Path, since: str) -> Ended:
    path = f"{deployment.parent}:{os.environ['PATH']}"
    return composer("logs", "-C", deployment, "--since", since, PATH=path, TZ="XYZ-2")


def named(said: str) -> datetime:
    """The moment that the tools are given: as Docker takes it, or as logs.sh does."""
    found = re.search(r"--since (?:@(\d+)|(\S+)Z)", said)
    assert found, said
    if found[1]:
        return datetime.fromtimestamp(int(found[1]), timezone.utc)
    return datetime.fromisoformat(f"{found[2]}+00:00")


@pytest.mark.parametrize(("since", "hours"), [("1.5h", 1.5), ("1h30m", 1.5), ("2700s", 0.75)])
def test_how_long_ago(since: str, hours: float, deployment: Path) -> None:
    ended = logs(deployment, since)
    assert ended.returncode == 0, ended.err
    begin = named(ended.out)
    assert abs(datetime.now(timezone.utc) - timedelta(hours=hours) - begin) < timedelta(seconds=60)


@pytest.mark.parametrize("since", ["1795514400", "2026-11-24T10:00:00Z", "2026-11-24T12:00:00", "2026-11-24 12:00:00"])
def test_a_moment(since: str, deployment: Path) -> None:
    ended = logs(deployment, since)
    assert ended.returncode == 0, ended.err
    assert named(ended.out) == datetime(2026, 11, 24, 10, 0, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize("since", ["2d", "yesterday"])
def test_what_is_no_time(since: str, deployment: Path) -> None:
    ended = logs(deployment, since)
    assert ended.returncode == 1
    assert ended.err.startswith(f"error: --since: '{since}' is no time\n hint: write it as ")
    assert ended.out == ""


@pytest.mark.parametrize("job", ["abc", "../x", "a b", "-rf", "5c455017\n"])
def test_what_is_no_id_of_a_job_is_refused(deployment: Path, job: str) -> None:
    ended = composer("logs", "-C", deployment, f"--job={job}")
    assert ended.returncode == 1
    assert "is no job's id" in ended.err


@pytest.mark.parametrize("option", ["-f", "--since=1h", "-t"])
def test_a_jobs_log_is_read_once(deployment: Path, option: str) -> None:
    ended = composer("logs", "-C", deployment, "--job", "5c455017", option)
    assert ended.returncode == 2
    assert "--job goes with -n alone" in ended.err
