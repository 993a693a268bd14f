"""As an ordinary user in the docker group, with composer installed from its wheel: nothing of root is left behind."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT, Ended, forget_images, free_port, missing, run

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

USER = "composer-test"
# The default python3 may lie in root's home, where nobody else can read it.
PYTHON = "/usr/bin/python3"


@dataclass(frozen=True)
class Person:
    """An ordinary user with a home and composer in a virtual environment of their own."""

    uid: int
    home: Path

    def run(self, *argv: str | Path, timeout: float = 300) -> Ended:
        kept = ["DOCKER_HOST", "PIP_CERT"]
        path = f"PATH={self.home}/venv/bin:/usr/local/bin:/usr/bin:/bin"
        environment = [f"{name}={os.environ[name]}" for name in kept if name in os.environ]
        prefix = ["runuser", "-u", USER, "--", "env", "-i", path, f"HOME={self.home}", *environment]
        return run([*prefix, *argv], cwd=self.home, timeout=timeout)

    def does(self, *argv: str | Path) -> str:
        ended = self.run(*argv)
        assert ended.returncode == 0, ended.err
        return ended.out


@pytest.fixture(scope="module")
def person(engine: None) -> Iterator[Person]:
    if os.geteuid() != 0:
        missing("making an ordinary user needs root")
    try:
        pwd.getpwnam(USER)
    except KeyError:
        made = run(["useradd", "--no-create-home", "--groups", _docker_group(), "--shell", "/bin/bash", USER])
        assert made.returncode == 0, made.err
    home = Path(tempfile.mkdtemp(prefix="composer-home-", dir="/var/tmp"))
    wheels = home / "wheels"
    uid = pwd.getpwnam(USER).pw_uid
    wheel = run([sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", wheels, ROOT])
    assert wheel.returncode == 0, wheel.err
    if "DOCKER_CONFIG" in os.environ:
        (home / ".docker").mkdir()
        (home / ".docker" / "cli-plugins").symlink_to(Path(os.environ["DOCKER_CONFIG"]) / "cli-plugins")
    for path in (home, *home.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)
    one = Person(uid, home)
    one.does(PYTHON, "-m", "venv", "venv")
    built = next(wheels.glob("*.whl"))
    one.does("venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", f"{built}[provision]")
    yield one
    run(["userdel", USER])
    shutil.rmtree(home)


def _docker_group() -> str:
    socket = Path(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://"))
    return grp.getgrgid(socket.stat().st_gid).gr_name


def test_from_project_yml_to_a_federation_and_back(person: Person, definition: Path | None) -> None:
    port = free_port()
    prod_00 = _provision(person, f"user{port}", port)
    chosen = ["-f", str(definition)] if definition else []
    up = person.run("composer", "up", prod_00, *chosen)
    try:
        assert up.returncode == 0, up.err
        assert "warning" not in up.err
        container = person.does("docker", "inspect", f"user{port}-site-1-1", "--format", "{{.Config.User}}")
        assert container.strip() == f"{person.uid}:{person.uid}"
        assert "COMPLETED" in _job(person)
    finally:
        down = person.run("composer", "down")
    assert down.returncode == 0, down.err
    strangers = [path for path in person.home.rglob("*") if path.lstat().st_uid != person.uid]
    assert strangers == []
    assert (person.home / "deployment" / "job-store").stat().st_uid == person.uid
    forget_images(f"user{port}")
    assert person.run("composer", "down", "--purge", "--yes").returncode == 0
    assert not (person.home / "deployment").exists()


@pytest.mark.fault(28)
def test_an_engine_that_the_user_may_not_use(person: Person) -> None:
    port = free_port()
    kits = _provision(person, f"barred{port}", port)
    barred = ["setpriv", "--reuid", str(person.uid), "--regid", str(person.uid), "--clear-groups", "env", "-i"]
    environment = [f"{name}={os.environ[name]}" for name in ("DOCKER_HOST",) if name in os.environ]
    environment += [f"PATH={person.home}/venv/bin:/usr/local/bin:/usr/bin:/bin", f"HOME={person.home}"]
    ended = run([*barred, *environment, "composer", "up", kits, "-C", "barred"], cwd=person.home)
    assert ended.returncode == 1, ended.err
    lines = ended.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("error: you may not use the Docker engine at ")
    assert lines[1] == " hint: join the docker group, then log in again"
    assert not (person.home / "barred").exists()


def _provision(person: Person, name: str, port: int) -> str:
    sample = (ROOT / "examples" / "quickstart" / "project.yml").read_text()
    project = person.home / "project.yml"
    project.write_text(sample.replace("name: quickstart", f"name: {name}").replace("8002", str(port)))
    os.chown(project, person.uid, person.uid)
    return person.does("composer", "provision", "project.yml").strip()


def _job(person: Person) -> str:
    shutil.copytree(ROOT / "examples" / "quickstart" / "job", person.home / "job")
    for path in (person.home / "job", *(person.home / "job").rglob("*")):
        os.chown(path, person.uid, person.uid)
    submitted = person.does("composer", "admin", "--", "--format", "json", "job", "submit", "-j", "./job")
    identity = submitted.split('"job_id": "')[1].split('"')[0]
    return person.does("composer", "admin", "--", "--format", "json", "job", "wait", identity, "--interval", "1")
