"""Who runs as plain processes is found by what runs, not by what the deployment folder says by now."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.conftest import COMPOSER, Child, Deployment, Ended, composer, missing, run

pytestmark = pytest.mark.nvflare

Supervise = Callable[[Path], "subprocess.Popen[bytes]"]


@pytest.fixture
def supervise() -> Iterator[Supervise]:
    """Let a process that only sleeps stand for a participant: it has the workspace, and is named as its supervisor."""
    started = []

    def start(workspace: Path) -> subprocess.Popen[bytes]:
        workspace.mkdir(parents=True, exist_ok=True)
        real = workspace.resolve()
        process = subprocess.Popen(["sleep", "600"], env={"FLARE_WORKSPACE": str(real), "PATH": os.environ["PATH"]})
        started.append(process)
        (workspace / "composer.supervisor").write_text(f"{process.pid}\n")
        (workspace / "composer.state").write_text("registered 2026-11-24T10:00:00Z\n")
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def deployment(prod_00: Path, folder: Path, more: str = "") -> Deployment:
    folder.mkdir(parents=True, exist_ok=True)
    definition = folder / "composer.yml"
    definition.write_text(f"runtime: process\n{more}")
    one = Deployment(folder / "deployment", prod_00, definition, {"DOCKER_HOST": f"unix://{folder}/none.sock"})
    generated(one)
    return one


def generated(one: Deployment) -> None:
    ended = one.on_kits("generate")
    assert ended.returncode == 0, ended.err


def ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        return False
    return True


@pytest.fixture
def stops(request: pytest.FixtureRequest) -> Callable[[Deployment], None]:
    """End a deployment as composer does, or as its own script does without composer."""

    def stop(one: Deployment) -> None:
        done = one.run("down") if request.param == "down" else run(["bash", one.folder / "stop.sh"], cwd=Path("/"))
        assert done.returncode == 0, done.err

    return stop


either_way = pytest.mark.parametrize("stops", ["down", "stop.sh"], indirect=True)


@either_way
def test_who_runs_on_a_former_environment_is_stopped(
    prod_00: Path, tmp_path: Path, supervise: Supervise, stops: Callable[[Deployment], None]
) -> None:
    one = deployment(prod_00, tmp_path)
    process = supervise(one.folder / "workspaces" / "server1")
    assert one.definition
    (tmp_path / "requirements.txt").write_text("scikit-learn==1.5.2\n")
    one.definition.write_text("runtime: process\nimage: {requirements: requirements.txt}\n")
    generated(one)
    stops(one)
    assert ended(process)


@either_way
def test_who_has_left_the_deployment_is_stopped(
    prod_00: Path, tmp_path: Path, supervise: Supervise, stops: Callable[[Deployment], None]
) -> None:
    one = deployment(prod_00, tmp_path)
    process = supervise(one.folder / "workspaces" / "site-2")
    one.kits = prod_00 / "site-1"
    generated(one)
    stops(one)
    assert ended(process)


@either_way
def test_a_process_of_a_job_whose_supervisor_is_gone_is_stopped(
    prod_00: Path, tmp_path: Path, supervise: Supervise, stops: Callable[[Deployment], None]
) -> None:
    one = deployment(prod_00, tmp_path)
    process = supervise(one.folder / "workspaces" / "site-2")
    (one.folder / "workspaces" / "site-2" / "composer.supervisor").unlink()
    stops(one)
    assert ended(process)


@either_way
def test_processes_of_another_deployment_go_on(
    prod_00: Path, tmp_path: Path, supervise: Supervise, stops: Callable[[Deployment], None]
) -> None:
    one, other = (deployment(prod_00, tmp_path / name) for name in ("one", "one-more"))
    process = supervise(other.folder / "workspaces" / "site-1")
    # A pid that was taken over by somebody else meanwhile.
    (one.folder / "workspaces" / "site-1").mkdir(exist_ok=True)
    (one.folder / "workspaces" / "site-1" / "composer.supervisor").write_text(f"{process.pid}\n")
    stops(one)
    assert not ended(process)


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-", "2>/dev/full", "2>&1 | true"])
def test_all_are_stopped_though_nobody_hears_of_it(
    prod_00: Path, tmp_path: Path, supervise: Supervise, closed: str
) -> None:
    one = deployment(prod_00, tmp_path)
    process = supervise(one.folder / "workspaces" / "site-1")
    script = '{ "$@"; echo $? >status; } ' + closed
    argv = ["sh", "-c", script, "sh", *COMPOSER, "down", "-C", one.folder]
    assert run(argv, cwd=tmp_path, env=one.environment).out == ""
    assert (tmp_path / "status").read_text() == "0\n"
    assert ended(process)


READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


def where_nothing_can_be_written(one: Deployment, argv: Sequence[str | Path]) -> Ended:
    """Run a program that sees the deployment folder as Linux leaves a disk that has failed."""
    if os.geteuid():
        missing("mounting a folder read-only needs root")
    argv = ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", one.folder, *argv]
    return run(argv, cwd=Path("/"), env=one.environment)


@pytest.mark.parametrize("way", ["down", "stop.sh"])
def test_all_are_stopped_where_nothing_can_be_written(
    prod_00: Path, tmp_path: Path, supervise: Supervise, way: str
) -> None:
    one = deployment(prod_00, tmp_path)
    processes = [supervise(one.folder / "workspaces" / name) for name in ("server1", "site-1")]
    argv = [*COMPOSER, "down", "-C", one.folder] if way == "down" else ["bash", one.folder / "stop.sh"]
    done = where_nothing_can_be_written(one, argv)
    assert done.returncode == 0, done.err
    assert all(map(ended, processes))
    (told,) = [line for line in done.err.splitlines() if line.startswith("warning: ")]
    assert "nothing can be written in " in told
    assert "server1 site-1" in told
    assert "Read-only" not in done.err


def test_a_script_that_fails_where_nothing_can_be_written_is_told_when_all_are_stopped(
    prod_00: Path, tmp_path: Path, supervise: Supervise
) -> None:
    """Such as one that an older composer wrote, which cannot be written anew there."""
    one = deployment(prod_00, tmp_path)
    process = supervise(one.folder / "workspaces" / "site-1")
    (one.folder / "stop.sh").write_text("echo 'rm: cannot remove composer.state' >&2\nexit 1\n")
    done = one.run("down")
    assert done.returncode == 0, done.err
    assert ended(process)
    (told,) = [line for line in done.err.splitlines() if line.startswith("warning: ")]
    assert "rm: cannot remove composer.state" in told
    one.run("status")


def test_stop_sh_stops_those_alone_who_are_named(prod_00: Path, tmp_path: Path, supervise: Supervise) -> None:
    one = deployment(prod_00, tmp_path)
    site, server = (supervise(one.folder / "workspaces" / name) for name in ("site-1", "server1"))
    assert run(["bash", one.folder / "stop.sh", "site-1"]).returncode == 0
    assert ended(site)
    assert not ended(server)
    assert "not all of these" in run(["bash", one.folder / "stop.sh", "site-9"]).err


def test_a_deployment_by_another_path_is_the_same(prod_00: Path, tmp_path: Path, supervise: Supervise) -> None:
    one = deployment(prod_00, tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "beside").mkdir()
    process = supervise(one.folder / "workspaces" / "site-1")
    for path in (tmp_path / "link" / "deployment", tmp_path / "beside" / ".." / "real" / "deployment"):
        one.folder = path
        rows = {row["name"]: row["state"] for row in one.status()["participants"]}
        assert rows["site-1"] == "running"
        assert one.on_kits("generate").err.endswith("nothing changed\n")
    one.folder = tmp_path / "link" / "deployment"
    assert one.run("down").returncode == 0
    assert ended(process)


def test_status_names_those_who_run_and_have_left(prod_00: Path, tmp_path: Path, supervise: Supervise) -> None:
    one = deployment(prod_00, tmp_path)
    supervise(one.folder / "workspaces" / "site-2")
    one.kits = prod_00 / "site-1"
    generated(one)
    row = next(row for row in one.status()["participants"] if row["name"] == "site-2")
    assert row["state"] == "running"
    assert "not in this deployment any more" in row["detail"]


def test_a_script_that_stops_nobody_is_not_believed(prod_00: Path, tmp_path: Path, supervise: Supervise) -> None:
    """Such as one that an older composer wrote."""
    one = deployment(prod_00, tmp_path)
    process = supervise(one.folder / "workspaces" / "site-1")
    (one.folder / "stop.sh").write_text("exit 0\n")
    assert one.run("down", "--purge", "--yes").returncode == 0
    assert ended(process)


@pytest.mark.parametrize("command", ["generate", "build", "up"])
def test_containers_are_refused_where_processes_run(
    prod_00: Path, tmp_path: Path, supervise: Supervise, command: str
) -> None:
    one = deployment(prod_00, tmp_path)
    process = supervise(one.folder / "workspaces" / "site-1")
    before = (one.folder / "manifest.json").read_bytes()
    assert one.definition
    one.definition.write_text("runtime: docker\n")
    refused = one.on_kits(command)
    assert refused.returncode == 1
    assert "site-1 runs as a plain process" in refused.err
    assert "composer down" in refused.err
    assert (one.folder / "manifest.json").read_bytes() == before
    assert one.run("down").returncode == 0
    assert ended(process)
    generated(one)


def test_down_ends_processes_of_a_folder_that_says_docker(prod_00: Path, tmp_path: Path, supervise: Supervise) -> None:
    one = deployment(prod_00, tmp_path)
    assert one.definition
    one.definition.write_text("runtime: docker\n")
    generated(one)
    process = supervise(one.folder / "workspaces" / "site-1")
    # Without an engine here, but what runs as a process can be ended.
    one.run("down")
    assert ended(process)


def test_a_port_of_its_own_process_is_no_finding(prod_00: Path, tmp_path: Path) -> None:
    one = deployment(prod_00, tmp_path)
    workspace = one.folder / "workspaces" / "server1"
    workspace.mkdir(exist_ok=True)
    said = (one.folder / "participants" / "server1.conf").read_text()
    port = next(line.partition("=")[2] for line in said.splitlines() if line.startswith("port="))
    listen = f"import socket, time; s = socket.create_server(('', {port})); print(flush=True); time.sleep(600)"
    argv = [shutil.which("python3") or "python3", "-c", listen]
    with Child(argv, env={"FLARE_WORKSPACE": str(workspace.resolve())}, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            (workspace / "composer.supervisor").write_text(f"{process.pid}\n")
            assert "[ERROR PORT]" not in one.on_kits("doctor").out
            (workspace / "composer.supervisor").unlink()
            assert f"port {port} of server1 is taken" in one.on_kits("doctor").out
        finally:
            process.kill()


def test_processes_are_refused_where_it_cannot_be_seen_whether_containers_run(prod_00: Path, tmp_path: Path) -> None:
    """With a DOCKER_HOST that nobody answers at, nothing says that none run."""
    one = deployment(prod_00, tmp_path)
    assert one.definition
    one.definition.write_text("runtime: docker\n")
    generated(one)
    one.definition.write_text("runtime: process\n")
    generated(one)
    one.definition.write_text("runtime: docker\n")
    generated(one)
    (one.folder / "workspaces" / "site-1" / "composer.state").write_text("registered 2026-11-24T10:00:00Z\n")
    one.definition.write_text("runtime: process\n")
    refused = one.on_kits("generate")
    assert refused.returncode == 1
    assert "cannot be seen whether" in refused.err
    assert "none.sock" in refused.err


def bundle_of(prod_00: Path, folder: Path, sites: Sequence[str]) -> Path:
    """Make the bundle of a ward with these sites, and unpack it where the former one is."""
    places = "".join(f"  {site}: {{host: ward}}\n" for site in sites)
    (folder / "composer.yml").write_text(f"hosts:\n  ward: {{address: 10.77.0.9}}\nparticipants:\n{places}")
    made = folder / f"bundles-{len(sites)}"
    kits = [prod_00 / "server1", *(prod_00 / site for site in sites)]
    packed = composer("bundle", *kits, "-o", made, "--runtime", "process", cwd=folder)
    assert packed.returncode == 0, packed.err
    (archive,) = made.glob("*-ward.tar.gz")
    unpacked = run(["tar", "xzf", archive, "-C", folder])
    assert unpacked.returncode == 0, unpacked.err
    return folder / archive.name.removesuffix(".tar.gz")


def test_who_is_not_in_a_bundle_any_more_is_stopped_by_its_upgrade(
    prod_00: Path, tmp_path: Path, supervise: Supervise
) -> None:
    bundle = bundle_of(prod_00, tmp_path, ["site-1", "site-2"])
    assert run(["bash", bundle / "lib" / "verify.sh"]).returncode == 0
    process = supervise(bundle / "workspaces" / "site-2")
    assert bundle_of(prod_00, tmp_path, ["site-1"]) == bundle
    # Stands for the virtual environment, whose making is no matter here.
    (name,) = (path.name for path in (bundle / "python").iterdir())
    (bundle / "venvs" / name / "bin").mkdir(parents=True)
    (bundle / "venvs" / name / "bin" / "python3").symlink_to(sys.executable)
    (bundle / "venvs" / name / ".complete").write_text(f"{bundle.resolve()}/venvs/{name}\n")
    try:
        started = run(["bash", bundle / "start.sh", "--no-wait"])
        assert started.returncode == 0, started.err
        assert ended(process)
    finally:
        stopped = run(["bash", bundle / "stop.sh"])
    assert stopped.returncode == 0, stopped.err
