"""What a user would take instead of composer, started and stopped as its own documentation says.

Every function returns samples in seconds. The images of the Docker ones are made beforehand, from one with the
same NVFLARE that composer built, since building is not what is compared.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.figure import seconds, timed, until
from tests.conftest import ROOT, composer, docker, free_port, run

RUNS = 3
NVFLARE = (sys.executable, "-m", "nvflare.cli")
SITES = ("site-1", "site-2")
PARTICIPANTS = ("server1", *SITES)
# One to prepare and one to start each.
COMMANDS_PREPARE = 2.0 * len(PARTICIPANTS)
Samples = tuple[float, ...]


def poc(folder: Path) -> tuple[Samples, Samples]:
    """``nvflare poc start`` to its own «ready», and ``nvflare poc stop``, with two clients."""
    environment = {"NVFLARE_POC_WORKSPACE": str(folder / "poc"), "HOME": str(folder)}

    def do(*arguments: str) -> None:
        ended = run([*NVFLARE, "poc", *arguments], cwd=folder, env=environment)
        assert ended.returncode == 0, ended.err + ended.out

    do("prepare", "-n", "2", "--force")
    pairs = []
    for _ in range(RUNS):
        pairs.append((seconds(lambda: do("start")), seconds(lambda: do("stop"))))
        # Its processes outlive `poc stop` by a while, and would answer for the next ones.
        until(lambda: not _run_in(folder / "poc"))
    return tuple(up for up, _ in pairs), tuple(down for _, down in pairs)


def _run_in(folder: Path) -> bool:
    """Whether a process has a path below the folder on its command line."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (entry / "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


def docker_builder(folder: Path, image: str) -> tuple[Samples, Samples]:
    """The ``compose.yaml`` of NVFLARE's deprecated DockerBuilder, up to both registered, and down."""
    port = free_port()
    arguments = f"{{base_image: {image}, requirements_file: none.txt}}"
    builder = f"  - path: nvflare.lighter.impl.docker.DockerBuilder\n    args: {arguments}\n"
    prod = _provisioned(folder / "builder", port, builder)
    with _plain_image(folder, image) as plain:
        environment = {"IMAGE_NAME": plain, "PYTHON_EXECUTABLE": "/opt/flare/bin/python3"}

        def compose(*arguments: str) -> None:
            ended = run(["docker", "compose", *arguments], cwd=prod, env=environment)
            assert ended.returncode == 0, ended.err

        def up() -> None:
            compose("up", "-d", "--no-build")
            _until_registered(prod)

        pairs = []
        for _ in range(RUNS):
            _forget(prod)
            pairs.append((seconds(up), seconds(lambda: compose("down"))))
        compose("down", "--volumes")
    return tuple(up for up, _ in pairs), tuple(down for _, down in pairs)


def deploy_prepare(folder: Path, image: str) -> Samples:
    """``nvflare deploy prepare`` for each kit, and their ``start_docker.sh`` at once, up to both registered.

    The network is made beforehand: three scripts that make it at once leave it ambiguous.
    """
    prod = _provisioned(folder / "prepare", free_port(), "")
    network = f"bench-{os.getpid()}"
    docker("network", "create", network)
    with _plain_image(folder, image) as plain:
        config = folder / "docker.yaml"
        parent = f"{{docker_image: '{plain}', network: '{network}'}}"
        config.write_text(f"runtime: docker\nparent: {parent}\njob_launcher: {{}}\n")
        samples = tuple(_prepared(prod, folder / f"prepared-{n}", config, network) for n in range(RUNS))
    docker("network", "rm", network)
    return samples


def _prepared(prod: Path, outputs: Path, config: Path, network: str) -> float:
    with _processes() as start, timed() as watch:
        for name in PARTICIPANTS:
            argv = ["deploy", "prepare", prod / name, "--output", outputs / name, "--config", config]
            ended = run([*NVFLARE, *argv])
            assert ended.returncode == 0, ended.err + ended.out
        for name in PARTICIPANTS:
            start(str(outputs / name / "startup" / "start_docker.sh"))
        _until_registered(outputs)
        watch.stop()
        docker("kill", *docker("ps", "--quiet", "--filter", f"network={network}").split())
    return watch.seconds


def by_hand(folder: Path) -> Samples:
    """The three Python processes of NVFLARE started by hand, up to both registered: the floor."""
    prod = _provisioned(folder / "hand", free_port(), "", host="localhost")
    return tuple(_started_by_hand(prod) for _ in range(RUNS))


def _started_by_hand(prod: Path) -> float:
    _forget(prod)
    with _processes() as start, timed() as watch:
        for name in PARTICIPANTS:
            script = (prod / name / "startup" / "sub_start.sh").read_text()
            line = next(line for line in script.splitlines() if "python3 -u" in line)
            start(*line.replace("exec python3", sys.executable).replace('"$WORKSPACE"', str(prod / name)).split())
        _until_registered(prod)
        watch.stop()
    return watch.seconds


@contextmanager
def _processes() -> Iterator[Callable[..., None]]:
    """Give a function that starts a process; end all that it started."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*argv: str) -> None:
        null = subprocess.DEVNULL
        started.append(subprocess.Popen(argv, stdin=null, stdout=null, stderr=null, start_new_session=True))

    yield start
    for process in started:
        process.kill()
        process.wait()


def _provisioned(folder: Path, port: int, builder: str, host: str = "") -> Path:
    folder.mkdir()
    text = (ROOT / "examples" / "quickstart" / "project.yml").read_text().replace("8002", str(port))
    if host:
        text = text.replace(f"fed_learn_port: {port}", f"fed_learn_port: {port}\n    default_host: {host}")
    (folder / "none.txt").write_text("")
    (folder / "project.yml").write_text(text + builder)
    ended = composer("provision", folder / "project.yml", "-w", folder / "workspace", cwd=folder)
    assert ended.returncode == 0, ended.err
    return Path(ended.out.strip())


def _until_registered(workspaces: Path) -> None:
    def registered(site: str) -> bool:
        log = workspaces / site / "log.txt"
        return log.exists() and f"Successfully registered client:{site}" in log.read_text()

    until(lambda: all(registered(site) for site in SITES))


def _forget(prod: Path) -> None:
    """Delete what a run has written into its kits, so that the next one's log is its own."""
    for kit in prod.iterdir():
        if kit.is_dir():
            for path in kit.iterdir():
                if path.name not in ("startup", "local", "transfer", "readme.txt"):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def _plain_image(folder: Path, image: str) -> Iterator[str]:
    """Composer's image without its entrypoint and user: as the peers expect one."""
    context = folder / "plain"
    context.mkdir(exist_ok=True)
    # A link would not do: Python finds its virtual environment beside the path that it was called by.
    (context / "python").write_text('#!/bin/sh\nexec /opt/flare/bin/python3 "$@"\n')
    (context / "python").chmod(0o755)
    copies = "COPY python /usr/local/bin/python\nCOPY python /usr/local/bin/python3\n"
    (context / "Dockerfile").write_text(f"FROM {image}\nUSER 0:0\n{copies}ENTRYPOINT []\n")
    tag = f"bench-plain:{os.getpid()}"
    docker("build", "--quiet", "--tag", tag, str(context))
    yield tag
    # A container that was killed a moment ago may still be going.
    docker("rmi", "--force", tag)
