"""``runtime: process`` as an ordinary user: no sudo, names in a user namespace, nothing of root's left behind."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, Ended, missing, run
from tests.process.conftest import members

pytestmark = pytest.mark.nvflare

# No account is needed: a number is a user.
UID = 1501


@pytest.fixture(scope="module")
def home(kits: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        missing("acting as another user needs root")
    # Where that user can come to: the kits' own folder is closed to others, as pytest makes it.
    folder = Path(tempfile.mkdtemp(prefix="composer-plain-", dir="/var/tmp"))
    shutil.copytree(kits, folder / "kits")
    wheel = run(["python3", "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder / "wheels", ROOT])
    assert wheel.returncode == 0, wheel.err
    for path in (folder, *folder.rglob("*")):
        os.chown(path, UID, UID)
    yield folder
    shutil.rmtree(folder)


def does(home: Path, *argv: str | Path) -> Ended:
    kept = [f"{name}={os.environ[name]}" for name in ("PIP_CERT", "PIP_INDEX_URL") if name in os.environ]
    path = f"PATH={home}/venv/bin:/usr/bin:/bin"
    user = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"]
    ended = run([*user, "env", "-i", path, f"HOME={home}", *kept, *argv], cwd=home)
    assert ended.returncode == 0, ended.err
    return ended


def test_from_kits_to_a_federation_and_back(home: Path) -> None:
    does(home, "/usr/bin/python3", "-m", "venv", "venv")
    does(home, "venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", next(home.glob("wheels/*.whl")))
    (home / "composer.yml").write_text("kits: kits\nruntime: process\n")
    does(home, "composer", "up")
    try:
        does(home, "composer", "status")
        pid = (home / "deployment" / "workspaces" / "site-1" / "composer.pid").read_text().strip()
        assert "127.0.0.1 server1" in Path(f"/proc/{pid}/root/etc/hosts").read_text()
        assert "server1" not in Path("/etc/hosts").read_text()
    finally:
        does(home, "composer", "down")
    assert [
        pid for one in ("server1", "site-1", "site-2") for pid in members(home / "deployment/workspaces" / one)
    ] == []
    strangers = [path for path in home.rglob("*") if path.lstat().st_uid != UID]
    assert strangers == [home / "composer.yml"]
