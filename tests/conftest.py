"""What every test may have: real kits, a real engine, a federation that runs."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, AnyStr, NoReturn

import pytest

ROOT = Path(__file__).parent.parent
COMPOSER = (sys.executable, "-m", "composer")
# That it is down is seen on the site itself. NVFLARE's own wait asks the server, which lists a site again, for ten
# minutes, when a heartbeat of it arrives just after its logout ("Re-activate the client").
SHUT_DOWN_SITE_2 = ("system", "shutdown", "client", "site-2", "--force", "--no-wait")
IN_CI = os.environ.get("CI", "") not in ("", "false")


def missing(what: str) -> NoReturn:
    """Skip on a user's machine, fail in CI, where nothing may be missing."""
    if IN_CI:
        pytest.fail(f"{what}, and CI must have it")
    pytest.skip(what)


# Below those that the kernel hands out by itself.
_PORTS = itertools.count(18000 + os.getpid() % 1000 * 10)


def free_port() -> int:
    """Return a port that nobody listens on and that no other test of this run gets."""
    for port in _PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


def eventually(holds: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)


class Child(subprocess.Popen[AnyStr]):
    """A process that is gone when its block ends, by an error too: Popen itself waits for it, for ever."""

    def __exit__(self, *caught: object) -> None:
        """Kill it where it still runs."""
        self.kill()
        super().__exit__(*caught)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Ended:
    """A process that ended: its status and what it wrote."""

    returncode: int
    out: str
    err: str


def run(
    argv: Sequence[str | Path], cwd: Path | None = None, env: dict[str, str] | None = None, timeout: float = 300
) -> Ended:
    """Run a process without input to its end."""
    done = subprocess.run(
        [str(item) for item in argv],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def composer(*arguments: str | Path, cwd: Path | None = None, **env: str) -> Ended:
    """Run the installed ``composer`` as a user would."""
    return run([*COMPOSER, *arguments], cwd=cwd, env=env)


def docker(*arguments: str) -> str:
    """Run ``docker`` and return what it wrote; it must end with 0."""
    ended = run(["docker", *arguments])
    assert ended.returncode == 0, ended.err
    return ended.out


def forget_images(compose_project: str, **environment: str) -> None:
    """Delete the images of a project; what the next test builds is in the build cache."""
    if shutil.which("docker") is None:
        return
    template = ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", f"{compose_project}/*"]
    tags = run(template, env=environment).out.split()
    if tags:
        run(["docker", "rmi", *tags], env=environment)


@dataclass
class Deployment:
    """A deployment folder of a test, and composer on it."""

    folder: Path
    kits: Path
    definition: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def up(self, *arguments: str) -> Ended:
        """``composer up``."""
        return self.on_kits("up", *arguments)

    def on_kits(self, command: str, *arguments: str) -> Ended:
        """Any command that takes kits."""
        chosen = ["-f", str(self.definition)] if self.definition else []
        return composer(command, str(self.kits), "-C", str(self.folder), *chosen, *arguments, **self.environment)

    def run(self, command: str, *arguments: str, cwd: Path | None = None) -> Ended:
        """Any command that takes ``-C``."""
        return composer(command, "-C", str(self.folder), *arguments, cwd=cwd, **self.environment)

    def status(self) -> dict[str, Any]:
        """``composer status --json``, read."""
        ended = self.run("status", "--json")
        assert ended.returncode in (0, 3), ended.err
        return dict(json.loads(ended.out))

    @property
    def compose_project(self) -> str:
        """The Compose project's name."""
        return str(json.loads((self.folder / "manifest.json").read_text())["compose_project"])

    def forget(self) -> None:
        """Take everything down, and the images away that were built for it."""
        if (self.folder / "manifest.json").exists():
            self.run("down", "--purge", "--yes", "--wait")
        forget_images(self.kits.parent.name, **self.environment)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Have it up, and no trace of it afterwards."""
        try:
            ended = self.up()
            assert ended.returncode == 0, ended.err
            yield
        finally:
            self.forget()

    def container(self, service: str) -> str:
        """The name of a service's container."""
        return f"{self.compose_project}-{service}-1"


def provision(folder: Path, name: str, port: int, scheme: str = "http", **env: str) -> Path:
    """Provision the quickstart project under another name, port and scheme; return its ``prod_00``."""
    text = (ROOT / "examples" / "quickstart" / "project.yml").read_text()
    project = folder / "project.yml"
    text = text.replace("scheme: http", f"scheme: {scheme}")
    project.write_text(text.replace("name: quickstart", f"name: {name}").replace("8002", str(port)))
    ended = composer("provision", project, "-w", folder / "workspace", **env)
    assert ended.returncode == 0, ended.err
    return Path(ended.out.strip())


def nvflare(deployment: Deployment, *arguments: str, cwd: Path = ROOT) -> Any:
    """Run one ``nvflare`` command through the admin's kit; it must succeed. Return what it says, read."""
    ended = deployment.run("admin", "--", "--format", "json", *arguments, cwd=cwd)
    assert ended.returncode == 0, ended.err + ended.out
    return json.loads(ended.out)["data"]


def causes(ended: Ended) -> dict[str, str]:
    """Return the cause that ``composer why --json`` names first, of each participant and job."""
    first: dict[str, str] = {}
    for cause in json.loads(ended.out)["causes"]:
        first.setdefault(cause["about"], cause["id"])
    return first


def job_that(folder: Path, script: str, **meta: object) -> Path:
    """Return the quickstart's job with another script to train with, or other entries of its meta.json."""
    job = folder / "job"
    shutil.copytree(ROOT / "examples" / "quickstart" / "job", job)
    file = job / "meta.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **meta}))
    if script:
        (job / "app" / "custom" / "train.py").write_text(script)
    return job


def has_ended(deployment: Deployment, job: str) -> bool:
    """Tell whether a job has ended, well or not, as the server's job store says."""
    meta = (deployment.folder / "job-store" / "jobs-storage" / job / "meta").read_text()
    return json.loads(meta)["status"].startswith("FINISHED")


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return mode and content of everything below ``folder``."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> None:
    """A shell makes what it runs in the background deaf to Ctrl-C, nohup to the end of a terminal; both inherit."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def prod_00(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kits of one server, two sites and an admin, provisioned by NVFLARE itself; never changed by a test."""
    port = free_port()
    return provision(tmp_path_factory.mktemp("kits"), f"t{port}", port)


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine with Compose v2."""
    if run(["docker", "info"]).returncode or run(["docker", "compose", "version"]).returncode:
        missing("there is no Docker engine with Compose v2 here: use `make test`")


@pytest.fixture(scope="session")
def definition() -> Path | None:
    """What this machine needs to build images; None where the defaults work."""
    path = os.environ.get("FLARE_COMPOSER_DEFINITION")
    return Path(path) if path else None


@pytest.fixture(scope="module")
def federation(
    engine: None, prod_00: Path, definition: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """A federation that is up: a server, two sites, an admin."""
    deployment = Deployment(tmp_path_factory.mktemp("federation") / "deployment", prod_00, definition)
    with deployment.running():
        yield deployment
