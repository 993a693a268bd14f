"""What a job leaves in its workspace keeps neither its participant down, nor others from being stopped or started."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

ENTRYPOINT = ROOT / "dockerfiles" / "entrypoint.sh"
STOP = ROOT / "dockerfiles" / "metal" / "stop.sh"
NOBODY = 65534
# Shell, in the workspace. Where nothing may be listed, only root can delete without more ado.
CLOSED = 'rm -rf "$1"; mkdir -p "$1/in"; touch "$1/in/file"; chmod 000 "$1/in" "$1"'
HARMS = {
    "a closed folder": CLOSED,
    "a closed file": 'rm -rf "$1"; touch "$1"; chmod 000 "$1"',
    "a folder": 'rm -rf "$1"; mkdir "$1"',
    "a pipe": 'rm -rf "$1"; mkfifo "$1"',
    "a link to nowhere": 'rm -rf "$1"; ln -s /nope/nope "$1"',
}
# Releases differ in the name of the log of errors. A rotated log is what the next rotation replaces.
LOGS = ("log.txt", "log.json", "log_fl.txt", "error_log.txt", "log_error.txt")
OPENED = (*LOGS, "audit.log", "disabled_clients.json")
ROTATED = tuple(f"{log}.{number}" for log in LOGS for number in (1, 10))
RESULT = "_process_rc.txt"


def as_ordinary(*argv: str | Path, cwd: str | Path = "/", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user to whom modes apply; job code and its participant are the same one."""
    changed = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        [*changed, *argv], env=environment, cwd=cwd, timeout=60, text=True, capture_output=True, check=False
    )


@pytest.fixture
def workspaces() -> Iterator[Path]:
    """The folder ``workspaces`` of a deployment with two sites, which that user may write to."""
    # Each pytest that starts closes its common folder to all others.
    top = Path(tempfile.mkdtemp(prefix="leftovers-", dir="/var/tmp"))
    folder = top / "deployment"
    top.chmod(0o755)
    for name in ("lib", "drivers"):
        (folder / name).mkdir(parents=True)
    for source in ("scripts/lib/common.sh", "metal/lib/runtime.sh", "metal/lib/processes.py"):
        (folder / "lib" / Path(source).name).write_bytes((ROOT / "dockerfiles" / source).read_bytes())
    (folder / "stop.sh").write_bytes(STOP.read_bytes())
    (folder / "entrypoint.sh").write_bytes(ENTRYPOINT.read_bytes())
    for site in ("site-1", "site-2"):
        (folder / "workspaces" / site).mkdir(parents=True)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(folder)], check=True)
    yield folder / "workspaces"
    subprocess.run(["chmod", "-R", "u+rwX", str(folder)], check=True)
    shutil.rmtree(top)


def plant(workspace: Path, harm: str, name: str) -> None:
    done = as_ordinary("sh", "-c", f'cd "$0" && {harm}', workspace, name)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name", ["log.txt", "composer.state", ".composer.state", "composer.pid", "restart.fl", "transfer"]
)
@pytest.mark.parametrize("harm", HARMS)
def test_a_participant_starts_over_what_a_job_has_left(workspaces: Path, harm: str, name: str) -> None:
    workspace = workspaces / "site-1"
    plant(workspace, HARMS[harm], name)
    # NVFLARE opens its log and looks into transfer/; then an administrator shuts it down.
    stub = workspaces.parent / "python3"
    stub.write_text('#!/bin/sh\ncd "$FLARE_WORKSPACE" && echo x >>log.txt && ls transfer >&2 && : >shutdown.fl\n')
    stub.chmod(0o755)
    ended = as_ordinary(
        "bash",
        workspaces.parent / "entrypoint.sh",
        "client",
        "module",
        PATH=f"{stub.parent}:{os.environ['PATH']}",
        FLARE_WORKSPACE=str(workspace),
    )
    assert ended.returncode == 0, ended.stderr
    assert (workspace / "composer.state").read_text().startswith("stopped ")
    assert (workspace / "log.txt").read_text() == "x\n"


@pytest.mark.parametrize("harm", HARMS)
def test_what_nvflare_opens_itself_is_its_own(workspaces: Path, harm: str) -> None:
    workspace = workspaces / "site-1"
    for name in (*OPENED, *ROTATED, RESULT, "datums"):
        plant(workspace, HARMS[harm], name)
    stub = workspaces.parent / "python3"
    stub.write_text(
        f"""#!/bin/sh
        cd "$FLARE_WORKSPACE" || exit
        for name in {" ".join(OPENED)}; do echo x >>"$name" || exit; done
        for name in {" ".join(ROTATED)}; do [ ! -e "$name" ] || rm "$name" || exit; done
        [ ! -e {RESULT} ] && [ ! -L {RESULT} ] && : >datums/one && : >shutdown.fl
        """
    )
    stub.chmod(0o755)
    ended = as_ordinary(
        "bash",
        workspaces.parent / "entrypoint.sh",
        "client",
        "module",
        PATH=f"{stub.parent}:{os.environ['PATH']}",
        FLARE_WORKSPACE=str(workspace),
        NVFLARE_DATUM_DIR=str(workspace / "datums"),
    )
    assert ended.returncode == 0, ended.stderr
    for name in OPENED:
        assert not (workspace / name).is_symlink()
        assert (workspace / name).read_text() == "x\n", name


def test_what_is_in_these_files_stays(workspaces: Path) -> None:
    """Clients that an administrator has disabled stay so, and logs are kept."""
    workspace = workspaces / "site-1"
    for name in (*OPENED, *ROTATED):
        plant(workspace, 'printf kept >"$1"; chmod 000 "$1"', name)
    stub = workspaces.parent / "python3"
    stub.write_text('#!/bin/sh\n: >"$FLARE_WORKSPACE/shutdown.fl"\n')
    stub.chmod(0o755)
    path = f"{stub.parent}:{os.environ['PATH']}"
    script = workspaces.parent / "entrypoint.sh"
    ended = as_ordinary("bash", script, "server", "module", PATH=path, FLARE_WORKSPACE=str(workspace))
    assert ended.returncode == 0, ended.stderr
    for name in (*OPENED, *ROTATED):
        assert (workspace / name).read_text() == "kept", name
        assert (workspace / name).stat().st_mode & 0o600 == 0o600, name


@pytest.mark.nvflare
def test_these_are_the_files_that_nvflare_opens() -> None:
    spec = importlib.util.find_spec("nvflare")
    assert spec
    assert spec.submodule_search_locations
    nvflare = Path(spec.submodule_search_locations[0])
    handlers = json.loads((nvflare / "fuel/utils/log_config.json").read_text())["handlers"].values()
    logs = {handler["filename"] for handler in handlers if "filename" in handler}
    constants = dict(re.findall(r'(\w+) = "([\w.]+)"', (nvflare / "apis/fl_constant.py").read_text()))
    assert {*logs, constants["AUDIT_LOG"]} <= set(OPENED)
    assert constants["PROCESS_RC_FILE"] == RESULT


@pytest.mark.parametrize("name", ["json.py", "json/__init__.py"])
def test_a_module_that_a_job_has_left_is_not_the_participants(workspaces: Path, name: str) -> None:
    """Python looks first where it is started, which is the workspace."""
    workspace = workspaces / "site-1"
    plant(workspace, 'mkdir -p json; echo "raise SystemExit(9)" >"$1"', name)
    python = Path(sys.executable).resolve()
    path = f"{python.parent}:{os.environ['PATH']}"
    argv = ["bash", workspaces.parent / "entrypoint.sh", "client", "json.tool", "--help"]
    ended = as_ordinary(*argv, cwd=workspace, PATH=path, FLARE_WORKSPACE=str(workspace))
    assert "usage: " in ended.stdout
    assert "the client ended by itself with status 0" in ended.stderr


def test_a_closed_workspace_is_opened_again(workspaces: Path) -> None:
    workspace = workspaces / "site-1"
    plant(workspaces, 'chmod 000 "$1"', "site-1")
    stub = workspaces.parent / "python3"
    stub.write_text('#!/bin/sh\n: >"$FLARE_WORKSPACE/shutdown.fl"\n')
    stub.chmod(0o755)
    path = f"{stub.parent}:{os.environ['PATH']}"
    script = workspaces.parent / "entrypoint.sh"
    ended = as_ordinary("bash", script, "client", "module", PATH=path, FLARE_WORKSPACE=str(workspace))
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("harm", ["a folder", "a closed folder", "a pipe", "a link to nowhere"])
def test_everybody_is_stopped_over_what_one_job_has_left(workspaces: Path, harm: str) -> None:
    for name in ("composer.state", "composer.restarts"):
        plant(workspaces / "site-1", HARMS[harm], name)
    python = Path(sys.executable).resolve()
    ended = as_ordinary("bash", workspaces.parent / "stop.sh", PATH=f"{python.parent}:/usr/bin:/bin")
    assert ended.returncode == 0, ended.stderr
    assert "site-1 is stopped\nsite-2 is stopped\n" in ended.stderr
    assert not list(workspaces.glob("*/composer.*"))


def test_everybody_is_stopped_where_a_workspace_is_closed(workspaces: Path) -> None:
    plant(workspaces / "site-1", 'echo x >"$1"', "composer.state")
    plant(workspaces, 'chmod 000 "$1"', "site-1")
    python = Path(sys.executable).resolve()
    ended = as_ordinary("bash", workspaces.parent / "stop.sh", PATH=f"{python.parent}:/usr/bin:/bin")
    assert ended.returncode == 0, ended.stderr
    assert "site-1 is stopped\nsite-2 is stopped\n" in ended.stderr
    assert as_ordinary("ls", workspaces / "site-1").stdout == ""


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("registered 2026-01-01T00:00:00Z", "registered 2026-01-01T00:00:00Z"),
        ("registered 2026-01-01T00:00:00", " "),
        ("registered zzzz", " "),
        ("registered 2026-01-01T00:00:00Z and more", " "),
        ("elsewhere 2026-01-01T00:00:00Z", " "),
    ],
)
def test_the_scripts_take_a_state_in_its_own_form_alone(workspaces: Path, said: str, told: str) -> None:
    (workspaces / "site-1" / "composer.state").write_text(f"{said}\n")
    script = 'source "$0/lib/common.sh"; workspace=$root/workspaces/site-1; read_state; printf "%s %s" "$word" "$since"'
    ended = as_ordinary("bash", "-c", script, workspaces.parent)
    assert ended.stdout == told, ended.stderr


def test_a_workspace_that_the_operator_keeps_elsewhere_stays_there(workspaces: Path) -> None:
    elsewhere = workspaces.parent / "disk"
    (workspaces / "site-1").rename(elsewhere)
    (elsewhere / "results").write_text("kept")
    (workspaces / "site-1").symlink_to(elsewhere)
    stub = workspaces.parent / "python3"
    stub.write_text('#!/bin/sh\n: >"$FLARE_WORKSPACE/shutdown.fl"\n')
    stub.chmod(0o755)
    path = f"{stub.parent}:{os.environ['PATH']}"
    script = workspaces.parent / "entrypoint.sh"
    ended = as_ordinary("bash", script, "client", "module", PATH=path, FLARE_WORKSPACE=str(workspaces / "site-1"))
    assert ended.returncode == 0, ended.stderr
    assert (workspaces / "site-1").is_symlink()
    assert (elsewhere / "results").read_text() == "kept"
    assert (elsewhere / "composer.state").read_text().startswith("stopped ")
