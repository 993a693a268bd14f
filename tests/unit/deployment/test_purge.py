"""`down --purge` deletes what composer has made, however deep job code nests it, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest

from composer.cli.screen.terminal import Terminal
from composer.deployment import purging
from composer.model.reporter import Reporter
from tests.conftest import Deployment, composer, missing, tree

pytestmark = pytest.mark.nvflare

NOBODY = 65534


def deployment(folder: Path, kits: Path) -> Deployment:
    """A deployment without containers: nothing but the folder is needed to end it."""
    folder.mkdir(parents=True, exist_ok=True)
    definition = folder / "composer.yml"
    definition.write_text("runtime: process\n")
    one = Deployment(folder / "deployment", kits, definition, {"DOCKER_HOST": f"unix://{folder}/none.sock"})
    ended = one.on_kits("generate")
    assert ended.returncode == 0, ended.err
    return one


@pytest.fixture
def one(prod_00: Path, tmp_path: Path) -> Deployment:
    return deployment(tmp_path, prod_00)


def purge(one: Deployment) -> str:
    ended = one.run("down", "--purge", "--yes")
    assert ended.returncode == 0, ended.err
    return ended.err


def test_all_that_composer_made_goes(one: Deployment) -> None:
    for name in ("venvs/2.9.0/bin", ".started", ".images", "workspaces/site-1/jobs", "job-store/snapshots", "kits"):
        (one.folder / name).mkdir(parents=True, exist_ok=True)
    (one.folder / "workspaces/site-1/log.txt").write_text("x")
    (one.folder / "start.sh").write_text("# edited")
    (one.folder / "kits").rmdir()
    assert "stays" not in purge(one)
    assert not one.folder.exists()


def test_what_others_put_there_stays_and_is_named(one: Deployment) -> None:
    (one.folder / "thesis.txt").write_text("years of work")
    (one.folder / "compose.override.yml").write_text("services: {}\n")
    (one.folder / "lib" / "mine.py").write_text("")
    said = purge(one)
    assert all(name in said for name in ("compose.override.yml", "lib/mine.py", "thesis.txt"))
    assert sorted(tree(one.folder)) == ["compose.override.yml", "lib", "lib/mine.py", "thesis.txt"]


def test_a_deployment_of_a_former_composer_in_a_project_folder_takes_nothing_along(
    prod_00: Path, tmp_path: Path
) -> None:
    """It was possible to have the deployment written into a folder with kits, or into the kits themselves."""
    project = tmp_path / "project"
    for at in ("prod_00", "prod_00/site-1", "."):
        shutil.rmtree(project, ignore_errors=True)
        shutil.copytree(prod_00, project / "prod_00")
        (project / "composer.yml").write_text("runtime: process\n")
        (project / "thesis.txt").write_text("years of work")
        shutil.copytree(prod_00, project / "kits")
        before = tree(project)
        made = deployment(tmp_path / "apart", prod_00)
        for entry in made.folder.iterdir():
            if entry.is_dir():
                shutil.copytree(entry, project / at / entry.name, dirs_exist_ok=True)
            else:
                shutil.copy2(entry, project / at / entry.name)
        shutil.rmtree(tmp_path / "apart")
        ended = composer("down", "-C", project / at, "--purge", "--yes", DOCKER_HOST="unix:///none.sock")
        assert ended.returncode == 0, ended.err
        assert "stays" in ended.err
        assert tree(project) == before


def test_kits_that_composer_has_unpacked_go_and_others_stay(prod_00: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "kits.tgz", "w:gz") as archive:
        archive.add(prod_00 / "site-1", "site-1")
    one = deployment(tmp_path, tmp_path / "kits.tgz")
    assert list(one.folder.rglob("*.key"))
    purge(one)
    assert not one.folder.exists()
    one = deployment(tmp_path, prod_00)
    shutil.copytree(prod_00, one.folder / "kits")
    assert "kits/" in purge(one)
    assert tree(one.folder / "kits") == tree(prod_00)


def test_what_a_link_points_to_is_not_deleted(one: Deployment, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    for name in ("site-1", "lib", "store"):
        (precious / name).mkdir(parents=True)
        (precious / name / "common.sh").write_text("mine")
    before = tree(precious)
    (one.folder / "workspaces/site-1/transfer/away").symlink_to(precious)
    (one.folder / "workspaces/site-1/transfer/file").symlink_to(precious / "lib/common.sh")
    os.mkfifo(one.folder / "workspaces/site-1/transfer/pipe")
    for name in ("python", "job-store"):
        shutil.rmtree(one.folder / name)
        (one.folder / name).symlink_to(precious / "lib")
    (one.folder / "status.sh").unlink()
    (one.folder / "status.sh").symlink_to(precious / "lib/common.sh")
    said = purge(one)
    assert all(name in said for name in ("python", "job-store", "status.sh"))
    assert tree(precious) == before
    assert not (one.folder / "workspaces").exists()


def nest(folder: Path, depth: int) -> None:
    script = "import os, sys\nfor _ in range(int(sys.argv[1])):\n    os.mkdir('d')\n    os.chdir('d')\nopen('f', 'w')"
    subprocess.run(["python3", "-c", script, str(depth)], cwd=folder, check=True)


@pytest.fixture
def without_deep_folders(tmp_path: Path) -> Iterator[None]:
    """The folders of failed tests are kept, and pytest's own deletion of them is defeated by such depth."""
    yield
    subprocess.run(["rm", "-rf", tmp_path / "deployment" / "workspaces"], check=True)


@pytest.mark.usefixtures("without_deep_folders")
def test_folders_that_job_code_nests_or_closes_go(one: Deployment) -> None:
    nest(one.folder / "workspaces/site-1", 4000)
    closed = one.folder / "workspaces/site-1/closed"
    (closed / "in").mkdir(parents=True)
    (closed / "in" / "file").write_text("")
    closed.chmod(0)
    purge(one)
    assert not one.folder.exists()


def test_a_folder_that_its_owner_has_closed_goes_for_an_ordinary_user(one: Deployment) -> None:
    """Root may read what is closed; its owner may open it again."""
    if os.geteuid() != 0:
        missing("another user needs root")
    closed = one.folder / "workspaces/site-1/closed"
    (closed / "in").mkdir(parents=True)
    (closed / "in" / "file").write_text("")
    closed.chmod(0)
    with TemporaryDirectory() as place:
        Path(place).chmod(0o777)
        moved = one.folder.rename(Path(place).resolve() / "deployment")
        for path in (moved, *moved.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        child = os.fork()
        if not child:
            status = 1
            with suppress(BaseException):
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                purging.purge(moved, cast(Reporter, None))
                status = 0
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert not moved.exists()


def test_what_cannot_be_deleted_is_told_in_one_line_and_can_be_purged_later(one: Deployment) -> None:
    kept = one.folder / "workspaces/site-1/transfer/kept"
    kept.mkdir()
    (kept / "file\x1b[2J").write_text("")
    if subprocess.run(["chattr", "+i", kept], check=False, capture_output=True).returncode:
        pytest.skip("the file system of this machine keeps nothing from being deleted")
    try:
        ended = one.run("down", "--purge", "--yes")
    finally:
        subprocess.run(["chattr", "-i", kept], check=True)
    assert ended.returncode == 1
    assert len(ended.err.strip().split("\n")) <= 3
    assert "cannot delete" in ended.err
    assert "\x1b" not in ended.err
    assert (one.folder / "manifest.json").exists()
    purge(one)
    assert not one.folder.exists()


def test_what_a_first_run_on_a_full_disk_has_left_can_be_purged(tmp_path: Path) -> None:
    folder = tmp_path / "deployment"
    for name in (".staged", "workspaces/site-1", "job-store"):
        (folder / name).mkdir(parents=True)
    ended = composer("down", "-C", folder, "--purge", "--yes", DOCKER_HOST="unix:///none.sock")
    assert ended.returncode == 0, ended.err
    assert not folder.exists()


def test_a_folder_that_is_no_deployment_is_not_purged(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("")
    (tmp_path / "workspaces").mkdir()
    ended = composer("down", "-C", tmp_path, "--purge", "--yes", DOCKER_HOST="unix:///none.sock")
    assert ended.returncode == 1
    assert "is not a deployment folder" in ended.err
    assert (tmp_path / "precious").exists()


def test_what_was_started_on_other_hosts_goes(prod_00: Path, tmp_path: Path) -> None:
    text = "hosts: {hub: {address: 10.77.0.2, endpoint: 'ssh://ops@10.77.0.2', path: /srv/flare}}\n"
    (tmp_path / "composer.yml").write_text(text + "participants: {server1: {host: hub}}\n")
    folder = tmp_path / "deployment"
    assert composer("generate", prod_00, "-C", folder, "-f", tmp_path / "composer.yml").returncode == 0
    # As `up` keeps it of a host that it has reached.
    started = folder / "hosts" / "hub" / ".started"
    started.mkdir()
    (started / "docker-compose.yml").write_text("services: {}\n")
    purging.purge(folder, Terminal())
    assert not folder.exists()
