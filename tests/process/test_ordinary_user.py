"""``runtime: process`` as an ordinary user: no sudo, names in a user namespace, nothing of root's left behind."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT, Child, Ended, eventually, missing, run
from tests.process.conftest import members

pytestmark = pytest.mark.nvflare

# No account is needed: a number is a user.
UID = 1501
COLLEAGUE = 1502


@pytest.fixture(scope="module")
def home(kits: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        missing("acting as another user needs root")
    # Where that user can come to: the kits' own folder is closed to others, as pytest makes it.
    folder = Path(tempfile.mkdtemp(prefix="composer-plain-", dir="/var/tmp"))
    shutil.copytree(kits, folder / "kits")
    wheel = run([sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder / "wheels", ROOT])
    assert wheel.returncode == 0, wheel.err
    for path in (folder, *folder.rglob("*")):
        os.chown(path, UID, UID)
    does(folder, "/usr/bin/python3", "-m", "venv", "venv")
    does(folder, "venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", next(folder.glob("wheels/*.whl")))
    (folder / "composer.yml").write_text("kits: kits\nruntime: process\n")
    yield folder
    shutil.rmtree(folder)


def as_user(home: Path, *argv: str | Path, enter: Sequence[str] = (), uid: int = UID) -> Ended:
    kept = [f"{name}={os.environ[name]}" for name in ("PIP_CERT", "PIP_INDEX_URL") if name in os.environ]
    path = f"PATH={home}/venv/bin:/usr/bin:/bin"
    user = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
    return run([*enter, *user, "env", "-i", path, f"HOME={home}", *kept, *argv], cwd=home)


def does(home: Path, *argv: str | Path) -> Ended:
    ended = as_user(home, *argv)
    assert ended.returncode == 0, ended.err
    return ended


@contextmanager
def without_user_namespaces() -> Iterator[list[str]]:
    """Lend what runs a command as root of a user namespace, with the same users, in which nobody may make another."""
    with Child(["unshare", "--user", "sleep", "600"]) as process:
        try:
            folder = Path("/proc", str(process.pid))
            eventually(lambda: (folder / "ns" / "user").readlink() != Path("/proc/self/ns/user").readlink(), 10)
            for kind in ("uid_map", "gid_map"):
                (folder / kind).write_text("0 0 65536\n")
            enter = ["nsenter", "--target", str(process.pid), "--user"]
            ended = run([*enter, "sh", "-c", "echo 0 >/proc/sys/user/max_user_namespaces"])
            assert ended.returncode == 0, ended.err
            yield enter
        finally:
            process.kill()


def test_from_kits_to_a_federation_and_back(home: Path) -> None:
    does(home, "composer", "up")
    try:
        does(home, "composer", "status")
        pid = (home / "deployment" / "workspaces" / "site-1" / "composer.pid").read_text().strip()
        assert "127.0.0.1 server1" in Path(f"/proc/{pid}/root/etc/hosts").read_text()
        assert "server1" not in Path("/etc/hosts").read_text()
        a_colleague_is_told_as_whom_they_run(home)
    finally:
        does(home, "composer", "down")
    assert running(home) == []
    strangers = [path for path in home.rglob("*") if path.lstat().st_uid != UID]
    assert strangers == [home / "composer.yml"]


def a_colleague_is_told_as_whom_they_run(home: Path) -> None:
    home.chmod(0o755)
    ended = as_user(home, "composer", "status", "-C", "deployment", uid=COLLEAGUE)
    assert ended.returncode == 1
    assert f"/deployment belongs to the user {UID}" in ended.err
    ended = as_user(home, "bash", "deployment/stop.sh", uid=COLLEAGUE)
    assert ended.returncode == 1
    assert f"runs as another user (uid {UID})" in ended.err
    assert len(running(home)) > 0


def test_where_user_namespaces_are_off_the_line_for_etc_hosts_is_told(home: Path) -> None:
    with without_user_namespaces() as enter:
        ended = as_user(home, "composer", "up", enter=enter)
    assert ended.returncode == 1
    assert ended.err.splitlines()[-2:] == [
        "error: /etc/hosts does not lead server1 to where its kit dials, and this machine lets nobody but root see "
        "another (user namespaces are off)",
        " hint: add to /etc/hosts, in place of other lines for the same name: 127.0.0.1 server1",
    ]
    assert running(home) == []


def running(home: Path) -> list[int]:
    names = ("server1", "site-1", "site-2")
    return [pid for name in names for pid in members(home / "deployment" / "workspaces" / name)]
