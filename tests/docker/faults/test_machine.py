"""What a machine does to a deployment: kills, full disks, strangers, junk, swapped kits."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import COMPOSER, Deployment, composer, docker, eventually, missing, provision, run, tree
from tests.docker.faults.stack import (
    containers,
    healthy,
    leftovers,
    python_pid,
    refused,
    registrations,
    rows,
    stack,
    started,
    tmpfs,
)

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("call", "when"),
    [
        ("fsync", 1),
        ("fsync", 4),
        ("fsync", 30),
        ("rename", 1),
        ("rename", 2),
        ("rename", 4),
        ("rename", 9),
        ("unlink", 1),
    ],
)
def test_a_kill_at_a_write_leaves_one_whole_set(prod_00: Path, tmp_path: Path, call: str, when: int) -> None:
    if not shutil.which("strace"):
        missing("there is no strace here")
    target = tmp_path / "deployment"
    changed = tmp_path / "changed.yml"
    changed.write_text("participants:\n  site-1: {environment: {A: '1'}}\nimage: {packages: [tree]}\n")
    assert composer("generate", prod_00, "-C", target).returncode == 0
    old = tree(target)
    after = tmp_path / "after"
    shutil.copytree(target, after)
    calls = "rename,renameat,renameat2" if call == "rename" else "unlink,unlinkat" if call == "unlink" else call
    tracer = ["strace", "-f", "-qq", "-o", tmp_path / "trace", "-e", f"inject={calls}:signal=KILL:when={when}"]
    killed = run([*tracer, *COMPOSER, "generate", prod_00, "-C", target, "-f", changed])
    assert killed.returncode in (0, 137, -9), killed.err
    settled = composer("generate", "-C", target)
    assert settled.returncode == 0, settled.err
    found = tree(target)
    assert not (target / ".staged").exists()
    assert not (target / ".lock").exists()
    again = composer("generate", prod_00, "-C", target, "-f", changed)
    assert again.returncode == 0, again.err
    new = tree(target)
    assert found in (old, new)
    assert old != new


@pytest.mark.fault(18)
def test_a_full_disk_keeps_the_former_set(prod_00: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with tmpfs(disk, "400k"):
        target = disk / "deployment"
        assert composer("generate", prod_00, "-C", target).returncode == 0
        before = tree(target)
        (disk / "ballast").write_bytes(b"")
        with (disk / "ballast").open("wb") as ballast:
            try:
                while True:
                    os.write(ballast.fileno(), bytes(4096))
            except OSError:
                pass
        changed = tmp_path / "changed.yml"
        changed.write_text("image: {packages: [tree]}\n")
        refused(composer("generate", prod_00, "-C", target, "-f", changed), "No space left on device")
        assert {name: one for name, one in tree(target).items() if not name.startswith(".")} == before
        (disk / "ballast").unlink()
        assert composer("generate", prod_00, "-C", target, "-f", changed).returncode == 0
        assert not (target / ".staged").exists()


@pytest.mark.fault(19)
def test_a_site_whose_disk_is_full_is_seen_and_recovers_when_there_is_room(fresh: Deployment) -> None:
    assert fresh.on_kits("build").returncode == 0
    workspace = fresh.folder / "workspaces" / "site-1"
    with tmpfs(workspace, "2m"):
        for name in ("startup", "local", "transfer"):
            (workspace / name).mkdir()
        assert fresh.up().returncode == 0
        ballast = workspace / "ballast"
        run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4k"])
        os.kill(python_pid(fresh, "site-1"), 9)
        eventually(lambda: not rows(fresh)["site-1"]["registered"])
        assert fresh.run("status").returncode == 3
        assert rows(fresh)["site-2"]["registered"]
        ballast.unlink()
        eventually(lambda: healthy(fresh), 240)
        assert fresh.run("down").returncode == 0


@pytest.mark.fault(19)
def test_a_disk_that_fills_while_a_site_registers_hides_no_registration(fresh: Deployment) -> None:
    assert fresh.on_kits("build").returncode == 0
    workspace = fresh.folder / "workspaces" / "site-1"
    with tmpfs(workspace, "2m"):
        for name in ("startup", "local", "transfer"):
            (workspace / name).mkdir()
        with started(fresh, "up", "--timeout", "60") as process:
            # Where there was no room from the beginning, registration is told when there is some.
            eventually(lambda: (workspace / "composer.state").exists() and (workspace / "composer.pid").exists())
            run(["dd", "if=/dev/zero", f"of={workspace / 'ballast'}", "bs=4k"])
            said = process.communicate(timeout=120)[1]
        assert process.returncode == 0, said
        # Else it came too late.
        assert registrations(fresh, "site-1") == 0
        assert rows(fresh)["site-1"]["registered"]
        eventually(lambda: healthy(fresh))
        (workspace / "ballast").unlink()
        assert healthy(fresh)
        assert fresh.run("down").returncode == 0


@pytest.mark.fault(23)
def test_somebody_elses_project_of_the_same_name_stays_untouched(fresh: Deployment) -> None:
    assert fresh.on_kits("build").returncode == 0
    image = docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{fresh.compose_project}/site-1").split()[0]
    labels = [f"com.docker.compose.project={fresh.compose_project}", "com.docker.compose.config-hash=none"]
    options = [part for label in labels for part in ("--label", label)]
    foreign = docker("create", *options, "--name", fresh.container("site-1"), image, "sleep", "1").strip()
    try:
        refused(fresh.up(), "is not of this deployment")
        refused(fresh.run("down"), "is not of this deployment")
        assert docker("inspect", "--format", "{{.Id}} {{.State.Status}}", foreign).split() == [foreign, "created"]
        assert containers(fresh) == {}
    finally:
        docker("rm", "--force", foreign)


@pytest.mark.fault(24)
def test_junk_in_place_of_composers_own_files_is_told_and_repaired(prod_00: Path, tmp_path: Path) -> None:
    target = tmp_path / "deployment"
    assert composer("generate", prod_00, "-C", target).returncode == 0
    before = tree(target)
    (target / "compose.override.yml").write_text("services: {}\n")
    for name, junk in (("manifest.json", "{"), ("docker-compose.yml", "\x00\x01"), (".lock", "garbage \x00" * 99)):
        (target / name).write_text(junk)
    refused(composer("status", "-C", target), "manifest.json is damaged")
    refused(composer("generate", prod_00, "-C", target), "manifest.json is damaged")
    assert composer("generate", prod_00, "-C", target, "--force").returncode == 0
    after = tree(target)
    assert after.pop("compose.override.yml")[1] == b"services: {}\n"
    assert after.pop("docker-compose.yml.orig")[1] == b"\x00\x01"
    assert after == before


@pytest.mark.fault(27)
def test_kits_that_were_swapped_under_a_running_federation_are_refused(
    engine: None, definition: Path | None, tmp_path: Path
) -> None:
    with stack(tmp_path, definition) as deployment:
        before = containers(deployment)
        kept = tmp_path / "kept"
        (tmp_path / "other").mkdir()
        port = json.loads((deployment.folder / "manifest.json").read_text())["participants"][0]["port"]
        other = provision(tmp_path / "other", deployment.kits.parent.name, port)
        deployment.kits.rename(kept)
        shutil.copytree(other, deployment.kits)
        generated = tree(deployment.folder / "images")
        try:
            ended = deployment.up()
            refused(ended, "of another authority")
            assert "composer down" in ended.err
            assert containers(deployment) == before
            assert tree(deployment.folder / "images") == generated
            assert "replaced by one of another authority" in rows(deployment)["site-1"]["drift"]
            shutil.rmtree(deployment.kits / "site-1")
            shutil.copytree(kept / "site-1", deployment.kits / "site-1")
            mixed = composer("check", deployment.kits)
            assert mixed.returncode == 3
            assert "MIXED" in mixed.out
        finally:
            shutil.rmtree(deployment.kits)
            kept.rename(deployment.kits)
        assert healthy(deployment)


@pytest.mark.fault(28)
def test_rounds_of_up_and_down_leave_nothing(engine: None, definition: Path | None, tmp_path: Path) -> None:
    rounds = int(os.environ.get("COMPOSER_ROUNDS", "50"))
    with stack(tmp_path, definition, up=False) as deployment:
        (tmp_path / "composer.yml").write_text(
            (definition.read_text() if definition else "") + "\nnetwork: bridge\npublish: 127.0.0.41\n"
        )
        deployment.definition = tmp_path / "composer.yml"
        assert deployment.up().returncode == 0
        assert deployment.run("down").returncode == 0
        before = _everything(deployment), leftovers(deployment), {path.name for path in deployment.folder.iterdir()}
        for number in range(rounds):
            up, down = deployment.up(), deployment.run("down")
            assert (up.returncode, down.returncode) == (0, 0), f"round {number}: {up.err}{down.err}"
        assert (
            _everything(deployment),
            leftovers(deployment),
            {path.name for path in deployment.folder.iterdir()},
        ) == before


def _everything(deployment: Deployment) -> dict[str, list[str]]:
    """Return what an engine and a machine have of the deployment."""
    project = f"label=com.docker.compose.project={deployment.compose_project}"
    found = {
        kind: docker(kind, "ls", *(["--all"] if kind == "container" else []), "--quiet", "--filter", project).split()
        for kind in ("container", "network", "volume")
    }
    folder = str(deployment.folder).encode()
    processes = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if folder in command:
            processes.append(command.decode(errors="replace"))
    return {**found, "processes": processes, "mounts": [line for line in _mounts() if str(deployment.folder) in line]}


def _mounts() -> list[str]:
    return Path("/proc/mounts").read_text().splitlines()
