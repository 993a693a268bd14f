"""What another user has made, or may change, is not acted on; and nothing is written or given away through a link."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path, PurePosixPath

import pytest

from composer.deployment.place import _OWN_WHILE_WRITTEN, KITS, LOCK, PART
from composer.deployment.write import _give_folder
from composer.model.files import Owner
from tests.conftest import Ended, composer, missing, tree

pytestmark = pytest.mark.nvflare

NOBODY = 65534


@pytest.fixture(autouse=True)
def as_root() -> None:
    if os.geteuid() != 0:
        missing("to make something for another user needs root")


@pytest.fixture
def folder(prod_00: Path, tmp_path: Path) -> Path:
    made = tmp_path / "deployment"
    assert generate(prod_00, made).returncode == 0
    return made


def generate(kits: Path, folder: Path, *more: str | Path) -> Ended:
    return composer("generate", kits, "-C", folder, *more, cwd=folder.parent)


def refused(ended: Ended, cause: str, hint: str) -> None:
    assert ended.returncode == 1, ended.err
    message, what_to_do = ended.err.strip().split("\n")[-2:]
    assert cause in message
    assert hint in what_to_do


# What composer has in a deployment folder, but a lock and a part of a file, which it makes anew, and what belongs to
# the kits' owners.
ACTED_ON = sorted(_OWN_WHILE_WRITTEN - {LOCK, PART, KITS, "job-store"})


@pytest.mark.parametrize("name", ["", *ACTED_ON])
def test_what_another_user_has_made_is_refused(prod_00: Path, folder: Path, name: str) -> None:
    path = folder / name
    if not path.exists():
        if path.suffix:
            path.write_text("{}\n")
        else:
            path.mkdir()
    os.chown(path, NOBODY, NOBODY)
    before = tree(folder)
    refused(generate(prod_00, folder), f"{path} belongs to nobody", f"chown 0 {path}")
    refused(composer("status", "-C", folder), "belongs to nobody", "chown 0")
    assert tree(folder) == before
    # Who calls sudo may become root anyway.
    assert composer("generate", prod_00, "-C", folder, SUDO_UID=str(NOBODY)).returncode == 0


@pytest.mark.parametrize("name", sorted({*ACTED_ON} - {"manifest.json"}))
def test_a_link_that_another_user_has_made_is_refused(prod_00: Path, folder: Path, name: str) -> None:
    path = folder / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.symlink_to(folder.parent)
    os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    for ended in (generate(prod_00, folder), composer("status", "-C", folder)):
        assert ended.returncode == 1, ended.err
        assert f"{path} belongs to nobody" in ended.err or f"{path} is a link" in ended.err


def test_a_folder_that_another_user_has_made_beforehand_is_refused(prod_00: Path, tmp_path: Path) -> None:
    made = tmp_path / "deployment"
    made.mkdir()
    (made / "compose.override.yml").write_text("services: {server1: {privileged: true}}\n")
    for path in (made, made / "compose.override.yml"):
        os.chown(path, NOBODY, NOBODY)
    refused(generate(prod_00, made), "belongs to nobody", "chown 0")
    assert [path.name for path in made.iterdir()] == ["compose.override.yml"]


@pytest.mark.parametrize(("mode", "hint"), [(0o777, "chmod o-w"), (0o1777, "chmod o-w"), (0o775, "chmod g-w")])
def test_what_others_may_write_to_is_refused(prod_00: Path, folder: Path, mode: int, hint: str) -> None:
    os.chown(folder, 0, 100)
    folder.chmod(mode)
    refused(generate(prod_00, folder), str(folder), hint)


def test_the_private_group_of_a_user_may_write(prod_00: Path, tmp_path: Path) -> None:
    """With umask 002 and user private groups, as Debian and Fedora set them up, all files are like that."""
    made = tmp_path / "deployment"
    made.mkdir()
    made.chmod(0o775)
    (tmp_path / "composer.yml").write_text("{}\n")
    (tmp_path / "composer.yml").chmod(0o664)
    ended = generate(prod_00, made)
    assert ended.returncode == 0, ended.err


def test_a_definition_of_another_user_is_refused(prod_00: Path, tmp_path: Path) -> None:
    definition = tmp_path / "composer.yml"
    definition.write_text("{}\n")
    os.chown(definition, NOBODY, NOBODY)
    refused(generate(prod_00, tmp_path / "deployment"), f"{definition} belongs to nobody", "chown 0")
    assert not (tmp_path / "deployment").exists()


def test_what_is_staged_deletes_nothing_outside(prod_00: Path, folder: Path) -> None:
    precious = folder.parent / "known.txt"
    precious.write_text("mine")
    digest = hashlib.sha256(b"mine").hexdigest()
    (folder / ".staged").mkdir()
    (folder / ".staged/.complete").write_text(json.dumps({"../known.txt": digest, str(precious): digest}))
    assert generate(prod_00, folder).returncode == 0
    assert precious.read_text() == "mine"


def test_nothing_is_written_through_a_link(prod_00: Path, folder: Path) -> None:
    victim = folder.parent / "victim"
    victim.mkdir()
    (folder / "hosts").unlink()
    (folder / "images").rename(folder.parent / "images")
    (folder / "images").symlink_to(victim)
    for at in (folder / ".staged/images", folder / ".staged"):
        at.mkdir(parents=True, exist_ok=True)
    (folder / ".staged/images/authorized_keys").write_text("theirs")
    (folder / ".staged/.complete").write_text("{}")
    refused(generate(prod_00, folder), f"{folder / 'images'} is a link", "remove it")
    (folder / ".staged/.complete").unlink()
    refused(generate(prod_00, folder), f"{folder / 'images'} is a link", "remove it")
    assert list(victim.iterdir()) == []


def test_root_gives_away_nothing_that_a_job_links_to(prod_00: Path, folder: Path) -> None:
    victim = folder.parent / "victim"
    victim.mkdir()
    os.chown(victim, 1234, 1234)
    transfer = folder / "workspaces/site-1/transfer"
    transfer.rmdir()
    transfer.symlink_to(victim)
    assert generate(prod_00, folder).returncode == 0
    assert not transfer.is_symlink()
    assert (victim.stat().st_uid, victim.stat().st_gid) == (1234, 1234)


@pytest.mark.parametrize("closed", ["workspaces/site-1", "workspaces/site-1/transfer"])
def test_an_ordinary_user_writes_over_what_a_job_has_closed(tmp_path: Path, closed: str) -> None:
    """Root may anyway."""
    top = tmp_path / "deployment"
    (top / "workspaces/site-1/transfer").mkdir(parents=True)
    for path in (top, *top.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    (top / closed).chmod(0)
    child = os.fork()
    if not child:
        status = 1
        with suppress(BaseException):
            inside = os.open(top, os.O_RDONLY)
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            for path in ("workspaces", "workspaces/site-1", "workspaces/site-1/transfer"):
                _give_folder(inside, PurePosixPath(path), Owner(NOBODY, NOBODY))
            status = 0
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert (top / closed).stat().st_mode & 0o777 == 0o700


def test_the_lock_can_be_held_by_its_owner_alone(prod_00: Path, folder: Path) -> None:
    lock = folder / ".lock"
    lock.write_text("")
    lock.chmod(0o644)
    script = (
        "import os, sys; os.umask(0); from pathlib import Path; from composer.deployment.locks import lock_deployment\n"
    )
    script += "with lock_deployment(Path(sys.argv[1]), False, print): print(oct(os.stat(sys.argv[2]).st_mode & 0o777))"
    from tests.conftest import run, sys

    assert run([sys.executable, "-c", script, folder, lock]).out == "0o600\n"
    assert not lock.exists()


def test_force_keeps_each_edit(prod_00: Path, folder: Path) -> None:
    for edit in ("first", "second", "second"):
        (folder / "docker-compose.yml").write_text(edit)
        assert generate(prod_00, folder, "--force").returncode == 0
    kept = sorted(path.read_text() for path in folder.glob("docker-compose.yml.orig*"))
    assert kept == ["first", "second"]
