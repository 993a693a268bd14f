"""Plain processes share the machine's network and accounts: nobody but the server opens a port, and nobody else's
account reaches the sockets of jobs; neither in a deployment nor in bundles.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Deployment, composer, eventually, missing, run
from tests.process.conftest import PORT, members

pytestmark = pytest.mark.nvflare

NOBODY = 65534
CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"


def sockets_of(workspace: Path) -> set[str]:
    """The inodes of all sockets that the processes of a participant hold."""
    held = set()
    for pid in members(workspace):
        try:
            held |= {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
        except OSError:
            continue
    return {link[len("socket:[") : -1] for link in held if link.startswith("socket:[")}


def open_ports(workspace: Path) -> set[int]:
    """The ports that a participant's processes take from anywhere, by TCP or UDP."""
    held, found = sockets_of(workspace), set()
    for table, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            row = line.split()
            if row[3] == state and row[9] in held:
                found.add(int(row[1].rpartition(":")[2], 16))
    return found


def unix_sockets(workspace: Path) -> set[str]:
    """The names of the sockets that it listens on; one that begins with @ is open to every account."""
    held = sockets_of(workspace)
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    # 00010000: it accepts connections.
    return {row[7] for row in rows if len(row) > 7 and row[3] == "00010000" and row[6] in held}


def closed_to_others(workspaces: Path) -> None:
    """Nobody's account reaches what the participants of a folder listen on."""
    for workspace in workspaces.iterdir():
        if not workspace.is_dir() or not members(workspace):
            continue
        expected = {PORT} if workspace.name == "server1" else set()
        assert open_ports(workspace) == expected, workspace.name
        listening = unix_sockets(workspace)
        assert listening, workspace.name
        for name in listening:
            assert not name.startswith("@"), name
            # A long path is bound by way of its folder: /proc/self/fd/NUMBER/NAME.
            (path,) = workspace.rglob(Path(name).name)
            argv = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            refused = run([*argv, "/usr/bin/python3", "-c", CONNECT, path.name], cwd=path.parent)
            assert "PermissionError" in refused.err, refused.err
            # As its own account it can be reached: it is there.
            assert run([sys.executable, "-c", CONNECT, path.name], cwd=path.parent).returncode == 0


@pytest.fixture(autouse=True)
def as_root() -> None:
    if os.geteuid() != 0:
        missing("to be another account needs root")


def test_in_a_deployment(processes: Deployment) -> None:
    closed_to_others(processes.folder / "workspaces")


@pytest.fixture
def bundles(processes: Deployment, tmp_path: Path) -> Iterator[list[Path]]:
    """The same participants from bundles, which run."""
    assert processes.run("down").returncode == 0
    definition = tmp_path / "composer.yml"
    definition.write_text("runtime: process\nextra_hosts: {server1: 127.0.0.1}\n")
    made = composer("bundle", processes.kits, "-f", definition, "-o", tmp_path / "out", cwd=tmp_path)
    assert made.returncode == 0, made.err
    folders = []
    for name in ("server1", "site-1"):
        (archive,) = (tmp_path / "out").glob(f"*-{name}.tar.gz")
        assert run(["tar", "xzf", archive, "-C", tmp_path]).returncode == 0
        folders.append(tmp_path / archive.name.removesuffix(".tar.gz"))
    try:
        for folder in folders:
            started = run(["bash", folder / "start.sh"])
            assert started.returncode == 0, started.err
        yield folders
    finally:
        for folder in folders:
            run(["bash", folder / "stop.sh"])


def test_in_bundles(bundles: list[Path]) -> None:
    for folder in bundles:
        (workspace,) = (
            one for one in (folder / "workspaces").iterdir() if one.is_dir() and not one.name.startswith(".")
        )
        eventually(lambda workspace=workspace: bool(unix_sockets(workspace)))  # type: ignore[misc]
        closed_to_others(folder / "workspaces")
