"""What the fault tests share: federations of their own to break, and ways to look at them.

Every test names the row of the list of faults that it stands for, ``@pytest.mark.fault(ROW)``; the rows are
listed in tests/README.md.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import COMPOSER, Child, Deployment, Ended, docker, free_port, missing, provision, run, tree

PARTICIPANTS = ("server1", "site-1", "site-2")


@contextmanager
def stack(folder: Path, definition: Path | None, up: bool = True) -> Iterator[Deployment]:
    """Lend a server and two sites on a port of their own; afterwards the kits must be what they were."""
    port = free_port()
    kits = provision(folder, f"fault{port}", port)
    before = tree(kits)
    scratch = folder / "scratch"
    scratch.mkdir()
    deployment = Deployment(folder / "deployment", kits, definition, {"TMPDIR": str(scratch)})
    with ExitStack() as undone:
        undone.enter_context(deployment.running()) if up else undone.callback(deployment.forget)
        yield deployment
        assert tree(kits) == before


def inspect(deployment: Deployment, service: str) -> dict[str, Any]:
    return dict(json.loads(docker("inspect", deployment.container(service)))[0])


def containers(deployment: Deployment) -> dict[str, str]:
    """Return the ids of the deployment's containers, running or not, by name."""
    label = f"label=flare-composer.deployment={deployment.folder}"
    lines = docker("ps", "--all", "--no-trunc", "--filter", label, "--format", "{{.Names}} {{.ID}}").splitlines()
    return dict(line.split() for line in lines)  # type: ignore[misc]


def rows(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """Return what ``composer status`` says, by participant."""
    return {row["name"]: row for row in deployment.status()["participants"]}


def healthy(deployment: Deployment) -> bool:
    return bool(deployment.status()["healthy"])


def registrations(deployment: Deployment, site: str) -> int:
    """Return how often a site was accepted by the server, as its own log says."""
    log = deployment.folder / "workspaces" / site / "log.txt"
    return log.read_text(errors="replace").count(f"Successfully registered client:{site}")


def python_pid(deployment: Deployment, service: str) -> int:
    """Return the participant's own process, as this machine numbers it."""
    top = docker("top", deployment.container(service), "-eo", "pid,args").splitlines()[1:]
    (pid,) = [line.split()[0] for line in top if "python3 -u -m nvflare.private" in line]
    return int(pid)


@contextmanager
def started(deployment: Deployment, command: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Lend a composer that runs in a session of its own, as a terminal would start it."""
    chosen = ["-f", str(deployment.definition)] if deployment.definition else []
    argv = [*COMPOSER, command, str(deployment.kits), "-C", str(deployment.folder), *chosen, *arguments]
    with Child(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **deployment.environment, "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def wait_for_line(process: subprocess.Popen[str], text: str) -> None:
    """Read what composer says until a line holds ``text``."""
    assert process.stderr
    said = []
    for line in process.stderr:
        said.append(line)
        if text in line:
            return
    raise AssertionError(f"it never said {text!r} but: {''.join(said)}")


def leftovers(deployment: Deployment) -> list[str]:
    """Return the temporary files and folders that composer has not removed."""
    return sorted(path.name for path in Path(deployment.environment["TMPDIR"]).iterdir())


def sh(*argv: str | Path) -> str:
    """Run a program that must end with 0; return what it wrote."""
    ended = run(argv)
    assert ended.returncode == 0, f"{' '.join(map(str, argv))}: {ended.err}"
    return ended.out


def refused(ended: Ended, cause: str, code: int = 1) -> None:
    """Assert one line of cause, one of what to do, and no traceback."""
    err = ended.err
    assert ended.returncode == code, err
    assert "Traceback" not in err
    assert [line for line in err.splitlines() if line.startswith("error: ") and cause in line], err
    assert [line for line in err.splitlines() if line.startswith(" hint: ")], err


@contextmanager
def tmpfs(folder: Path, size: str) -> Iterator[None]:
    """Mount a small file system of its own."""
    if os.geteuid() != 0:
        missing("mounting a file system needs root")
    folder.mkdir(parents=True, exist_ok=True)
    sh("mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", folder)
    try:
        yield
    finally:
        sh("umount", "--lazy", folder)


def port_of(kits: Path) -> int:
    """Return the port that the server of these kits listens on."""
    (server,) = json.loads((kits / "server1" / "startup" / "fed_server.json").read_text())["servers"]
    return int(server["service"]["target"].rpartition(":")[2])
