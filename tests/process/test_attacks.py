"""What a job leaves in its workspace harms nobody, where participants are plain processes."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import COMPOSER, Deployment, eventually, run

pytestmark = pytest.mark.nvflare

SECRET = "a file of the operator's\n"
HARMS: dict[str, Callable[[Path, Path], object]] = {
    "a pipe": lambda path, _: os.mkfifo(path),
    "a link to a device": lambda path, _: path.symlink_to("/dev/zero"),
    "a link to the operator's file": lambda path, victim: path.symlink_to(victim),
    "a folder": lambda path, _: path.mkdir(),
    "a huge file": lambda path, _: (path.touch(), os.truncate(path, 1 << 35)),
    "a time without its zone": lambda path, _: path.write_text("registered 2026-01-01T00:00:00"),
}


def put(harm: str, path: Path, victim: Path) -> None:
    """Put something in place of a file, as job code may."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    HARMS[harm](path, victim)


def said(deployment: Deployment, command: str, *arguments: str) -> str:
    """Run composer in little time and memory; return all that it wrote."""
    argv = [*COMPOSER, command, "-C", str(deployment.folder), *arguments]
    ended = run(["prlimit", "--as=600000000", "--", *argv], timeout=60, env=deployment.environment)
    assert ended.returncode in (0, 3), ended.err
    assert "Traceback" not in ended.err
    assert SECRET.strip() not in ended.out + ended.err
    return ended.out + ended.err


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return path


def test_status_and_logs_end_whatever_a_job_has_left(processes: Deployment, victim: Path) -> None:
    site = processes.folder / "workspaces" / "site-1"
    kept = (site / "console.log").read_bytes()
    for harm in HARMS:
        put(harm, site / "composer.state", victim)
        put(harm, site / "composer.restarts", victim)
        rows = {row["name"]: row["registered"] for row in processes.status()["participants"]}
        assert rows == {"server1": True, "site-1": False, "site-2": True}, harm
        assert "site-2" in said(processes, "status")
        if harm != "a huge file":
            put(harm, site / "console.log", victim)
            assert "site-2 | " in said(processes, "logs", "-n", "3"), harm
    put("a folder", site / "console.log", victim)
    (site / "console.log").rmdir()
    (site / "console.log").write_bytes(kept)
    assert victim.read_text() == SECRET


def test_a_site_comes_back_and_writes_nothing_elsewhere(processes: Deployment, victim: Path) -> None:
    site = processes.folder / "workspaces" / "site-1"
    for name in ("composer.state", ".composer.state", "log.txt", "composer.restarts"):
        put("a link to the operator's file", site / name, victim)
    for name in ("restart.fl", "composer.pid"):
        pid = int((site / "composer.pid").read_text()) if name == "composer.pid" else 0
        put("a folder", site / name, victim)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: bool(processes.status()["healthy"]))
    assert victim.read_text() == SECRET


def test_down_and_up_over_it(processes: Deployment, victim: Path) -> None:
    site = processes.folder / "workspaces" / "site-1"
    for name in ("composer.state", "console.log", "composer.hosts"):
        put("a link to the operator's file", site / name, victim)
    mode = victim.stat().st_mode
    assert processes.run("down").returncode == 0
    ended = processes.up()
    assert ended.returncode == 0, ended.err
    assert (victim.read_text(), victim.stat().st_mode) == (SECRET, mode)
