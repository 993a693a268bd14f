"""Hosts of a network of their own: each a minimal Debian with nothing but Python and bash, and one ordinary user.

A host is a process in namespaces of its own (mounts, network, processes) whose root is a debootstrap tree, read-only
but for the user's home, /tmp and /etc/hosts. They are wired to a bridge that is in a namespace, too: nothing reaches
the machine's own network.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Ended, run

UID = 1500
USER = "ward"
_NET = "10.77.0"
_SETUP = """
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount -t tmpfs none "$1/mnt"
mkdir "$1/mnt/old"
mount -t tmpfs -o mode=1777 none "$1/tmp"
mount -t tmpfs none "$1/home"
mkdir "$1/home/ward"
mount --bind "$2/home" "$1/home/ward"
for file in hosts passwd; do mount --bind "$2/$file" "$1/etc/$file"; done
mount --rbind /dev "$1/dev"
[ -z "$3" ] || mount --bind "$3" "$1/run"
cd "$1"
pivot_root . mnt/old
mount -t proc proc /proc
umount -l /mnt/old
exec sleep infinity
"""


@dataclass(frozen=True)
class Host:
    """One host: its address, the folder of its user's home, and the process that holds its namespaces."""

    name: str
    address: str
    home: Path
    hosts: Path
    pid: int
    namespace: str

    def run(self, *argv: str | Path, cwd: str = f"/home/{USER}", timeout: float = 300) -> Ended:
        """Run a command as the host's user, in a clean environment and without a terminal, as ssh would."""
        inside = [
            "env",
            "-i",
            "PATH=/usr/bin:/bin",
            f"HOME=/home/{USER}",
            f"USER={USER}",
            "bash",
            "-c",
            'cd -- "$0" && exec "$@"',
        ]
        enter = ["nsenter", "--target", str(self.pid), "--mount", "--net", "--pid", "--root", "--wd=/"]
        return run([*enter, "--setuid", str(UID), "--setgid", str(UID), *inside, cwd, *argv], timeout=timeout)

    def does(self, *argv: str | Path, cwd: str = f"/home/{USER}") -> str:
        """Run a command that must end with 0, and return what it wrote."""
        ended = self.run(*argv, cwd=cwd)
        assert ended.returncode == 0, f"{self.name}: {argv}: {ended.err}{ended.out}"
        return ended.out

    def unpack(self, archive: Path) -> None:
        """Copy an archive here and unpack it in the user's home."""
        target = self.home / archive.name
        shutil.copyfile(archive, target)
        os.chown(target, UID, UID)
        self.does("tar", "xzf", archive.name)

    def processes(self) -> list[str]:
        """The command lines of all processes of the host but its first, and but those that look."""
        listed = self.does("bash", "-c", "for one in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$one; echo; done", cwd="/")
        return [line for line in listed.splitlines() if "nvflare" in line]

    def knows(self, *lines: str) -> None:
        """Write the host's own /etc/hosts."""
        self.hosts.write_text("".join(f"{line}\n" for line in ("127.0.0.1 localhost", *lines)))


def _ip(*arguments: str) -> None:
    ended = run(["ip", *arguments])
    assert ended.returncode == 0, f"ip {arguments}: {ended.err}"


@contextlib.contextmanager
def lan(
    folder: Path, tree: Path, names: Sequence[str], engines: Sequence[Path | None] = ()
) -> Iterator[dict[str, Host]]:
    """Hosts ``names`` in their own network; ``engines`` are folders that they see as /run."""
    bridge = f"fcb{os.getpid()}"
    made = [bridge]
    started = []
    try:
        _ip("netns", "add", bridge)
        _ip("-n", bridge, "link", "add", "br0", "type", "bridge")
        _ip("-n", bridge, "link", "set", "br0", "up")
        hosts = {}
        for number, name in enumerate(names):
            namespace, cable = f"{bridge}-{number}", f"fcb{number}"
            _ip("netns", "add", namespace)
            made.append(namespace)
            _ip("-n", namespace, "link", "set", "lo", "up")
            _ip("-n", bridge, "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", namespace)
            _ip("-n", bridge, "link", "set", cable, "master", "br0", "up")
            _ip("-n", namespace, "addr", "add", f"{_NET}.{number + 2}/24", "dev", "eth0")
            _ip("-n", namespace, "link", "set", "eth0", "up")
            own = folder / name
            home = own / "home"
            home.mkdir(parents=True)
            os.chown(home, UID, UID)
            (own / "hosts").write_text("127.0.0.1 localhost\n")
            (own / "passwd").write_text(
                f"root:x:0:0:root:/root:/bin/bash\n{USER}:x:{UID}:{UID}::/home/{USER}:/bin/bash\n"
            )
            engine = engines[number] if number < len(engines) else None
            unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", _SETUP, "host"]
            process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{namespace}", *unshare, str(tree), str(own), str(engine or "")],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            started.append(process)
            hosts[name] = Host(name, f"{_NET}.{number + 2}", home, own / "hosts", _first(process), namespace)
        yield hosts
    finally:
        for process in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for namespace in made:
            run(["ip", "netns", "del", namespace])


def _first(unshare: subprocess.Popen[bytes]) -> int:
    """The host's first process, once it has become ``sleep``: its root is then in place."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert unshare.poll() is None, "the host has not come up"
        children = run(["cat", f"/proc/{unshare.pid}/task/{unshare.pid}/children"]).out.split()
        for child in children:
            if run(["cat", f"/proc/{child}/comm"]).out.strip() == "sleep":
                return int(child)
        time.sleep(0.05)
    raise AssertionError("the host has not come up")
