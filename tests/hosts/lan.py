"""Real hosts on one machine: each a network and mounts of its own, a Docker engine, an SSH server and a user ``ops``.

They are wired to a bridge that is in a namespace, too: nothing reaches the machine's own network. The operator is one
more host, without an engine of its own. All of it hangs on processes, which die with the test, and leaves no trace.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import Ended, eventually, run

UID = 1500
USER = "ops"
NET = "10.77.0"
OPERATOR = f"{NET}.1"
# Docker's configuration of the operator, in the operator's own mounts.
DOCKER_CONFIG = "/home/operator/.docker"
_MOUNTS = """
set -e
mount --make-rprivate /
[ -z "$2" ] || mount -t tmpfs -o mode=711 data "$1/data"
for folder in home srv run etc; do mount --bind "$1/$folder" "/$folder"; done
ip link set lo up
exec sleep infinity
"""


def _must(*argv: str | Path) -> None:
    ended = run(argv)
    assert ended.returncode == 0, f"{argv}: {ended.err}"


def _start(argv: Sequence[str | Path], log: Path, signal_: str = "KILL") -> subprocess.Popen[bytes]:
    """Start a process that does not outlive the test."""
    with log.open("ab") as written:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", signal_, *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            start_new_session=True,
        )


@dataclass
class Machine:
    """A process that holds a network and mounts of its own, and what runs in them."""

    name: str
    address: str
    folder: Path
    cable: str
    holder: subprocess.Popen[bytes]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def enter(self) -> tuple[str, ...]:
        """What runs a command in it."""
        return ("nsenter", "--target", str(self.holder.pid), "--mount", "--net", "--")

    def run(self, *argv: str | Path, **env: str) -> Ended:
        """Run a command in it, as root."""
        return run([*self.enter, *argv], env=env)

    def does(self, *argv: str | Path) -> str:
        """Run a command in it, as root, which must end with 0, and return what it wrote."""
        ended = self.run(*argv)
        assert ended.returncode == 0, f"{self.name}: {argv}: {ended.err}"
        return ended.out

    def docker(self, *arguments: str) -> str:
        """Ask its engine."""
        return self.does("env", "DOCKER_HOST=unix:///run/docker.sock", "docker", *arguments)

    def start_engine(self) -> None:
        """Start its dockerd, and wait until it answers."""
        argv = ["dockerd", "--data-root", self.folder / "data", "--exec-root", "/run/docker", "--group", "docker"]
        argv += ["--host", "unix:///run/docker.sock", "--pidfile", "/run/docker.pid"]
        argv += ["--bridge", "none", "--iptables=false", "--insecure-registry", f"{NET}.0/24"]
        self.processes["dockerd"] = _start([*self.enter, *argv], self.folder / "dockerd.log", "TERM")
        probe = ("env", "DOCKER_HOST=unix:///run/docker.sock", "docker", "info")
        eventually(lambda: self.run(*probe).returncode == 0, 60)

    def start_ssh(self) -> None:
        """Start its sshd, and wait until it listens."""
        argv = ["/usr/sbin/sshd", "-D", "-e", "-f", self.folder / "sshd_config"]
        self.processes["sshd"] = _start([*self.enter, *argv], self.folder / "sshd.log")
        eventually(lambda: bool(self.does("ss", "-Hltn", "sport = :22")), 30)

    def stop(self, what: str) -> None:
        """End its dockerd or its sshd."""
        process = self.processes.pop(what)
        process.terminate()
        process.wait(60)

    def link(self, state: str) -> None:
        """Take its network cable out (``down``) or put it in (``up``)."""
        self.does("ip", "link", "set", "eth0", state)

    def new_host_key(self) -> None:
        """Give it another SSH host key, as somebody in its place would have."""
        self.stop("sshd")
        for key in self.folder.glob("host_key*"):
            key.unlink()
        _must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / "host_key")
        self.start_ssh()

    def end(self) -> None:
        """Stop all that runs in it."""
        for name in [name for name in ("dockerd", "sshd") if name in self.processes]:
            self.stop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.holder.pid, signal.SIGKILL)
        self.holder.wait()


@dataclass
class Lan:
    """The hosts by name, and the operator's machine."""

    operator: Machine
    hosts: dict[str, Machine]
    wires: subprocess.Popen[bytes]

    def __getitem__(self, name: str) -> Machine:
        return self.hosts[name]

    @property
    def trusting(self) -> Path:
        """The operator's known_hosts."""
        return self.operator.folder / "home" / "operator" / ".ssh" / "known_hosts"

    def slow_lines(self, megabits: int) -> None:
        """Let no host get more than so many Mbit/s from now on."""
        for host in self.hosts.values():
            line = ("root", "tbf", "rate", f"{megabits}mbit", "burst", "256kb", "latency", "100ms")
            _must(*_inside(self.wires), "tc", "qdisc", "replace", "dev", host.cable, *line)

    def trust(self) -> None:
        """Let the operator know all hosts' keys, as who has logged in once does."""
        keys = [f"{host.address} {(host.folder / 'host_key.pub').read_text()}" for host in self.hosts.values()]
        self.trusting.write_text("".join(keys))


@contextlib.contextmanager
def registry(machine: Machine) -> Iterator[str]:
    """A registry of images on a machine, empty, as the first part of the names of those in it."""
    folder = machine.folder / "registry"
    folder.mkdir()
    config = folder / "config.yml"
    storage = f"storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}"
    config.write_text(f"version: 0.1\n{storage}\nhttp: {{addr: '{machine.address}:5000'}}\n")
    process = _start([*machine.enter, "docker-registry", "serve", config], folder / "log")
    try:
        eventually(lambda: bool(machine.does("ss", "-Hltn", "sport = :5000")), 30)
        yield f"{machine.address}:5000"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


@contextlib.contextmanager
def lan(names: Sequence[str], disks_in_memory: bool = False) -> Iterator[Lan]:
    """Hosts with an engine and an SSH server each, and an operator whom they let in.

    Args:
        names: The hosts'.
        disks_in_memory: Whether engines keep images in memory, so that they do not share a disk as hosts never do;
            they cannot be seen from outside the machines then.
    """
    # Short paths: sockets lie below, and a socket's path may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="lan-", dir="/var/tmp"))
    folder.chmod(0o755)
    wires = _start(["unshare", "--net", "sleep", "infinity"], folder / "lan.log")
    machines: list[Machine] = []
    try:
        eventually(lambda: _comm(wires.pid) == "sleep", 10)
        inside = (*_inside(wires), "ip")
        _must(*inside, "link", "add", "br0", "type", "bridge")
        _must(*inside, "link", "set", "br0", "up")
        for number, name in enumerate(("operator", *names), start=1):
            cable = f"v{number}"
            machines.append(_machine(folder / name, name, f"{NET}.{number}", cable, disks_in_memory))
            peer = ("peer", "name", "eth0", "netns", str(machines[-1].holder.pid))
            _must(*inside, "link", "add", cable, "type", "veth", *peer)
            _must(*inside, "link", "set", cable, "master", "br0", "up")
            machines[-1].does("ip", "addr", "add", f"{machines[-1].address}/24", "dev", "eth0")
            machines[-1].does("ip", "link", "set", "eth0", "up")
        operator, *hosts = machines
        made = Lan(operator, {host.name: host for host in hosts}, wires)
        _let_in(operator, hosts)
        _name_wards(operator, hosts)
        for host in hosts:
            host.start_engine()
            host.start_ssh()
        made.trust()
        yield made
    finally:
        for machine in machines:
            machine.end()
        os.killpg(wires.pid, signal.SIGKILL)
        wires.wait()
        shutil.rmtree(folder)


def _inside(wires: subprocess.Popen[bytes]) -> tuple[str, ...]:
    return ("nsenter", "--target", str(wires.pid), "--net", "--")


def _comm(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _machine(folder: Path, name: str, address: str, cable: str, disk_in_memory: bool) -> Machine:
    for below in ("home/ops", "home/operator", "srv", "data"):
        (folder / below).mkdir(parents=True)
    user, home = (name, "operator") if name == "operator" else (USER, "ops")
    (folder / "run" / "sshd").mkdir(parents=True)
    (folder / "run" / "sshd").chmod(0o755)
    for below in ("home/ops", "srv"):
        os.chown(folder / below, UID, UID)
    root_home = "/home/operator" if name == "operator" else "/root"
    # All of it, for a file that is mounted alone is unmounted when the machine's own is replaced, as useradd does.
    _must("cp", "-a", "/etc", folder / "etc")
    (folder / "etc" / "passwd").write_text(
        f"root:x:0:0:root:{root_home}:/bin/bash\n"
        "sshd:x:74:65534::/run/sshd:/usr/sbin/nologin\n"
        f"{USER}:x:{UID}:{UID}::/home/{home}:/bin/sh\n"
    )
    (folder / "etc" / "group").write_text(f"root:x:0:\nnogroup:x:65534:\ndocker:x:{UID + 1}:{user}\n{USER}:x:{UID}:\n")
    # A locked password (!) would keep sshd without PAM from letting anybody in.
    (folder / "etc" / "shadow").write_text(f"root:*:1::::::\n{USER}:*:1::::::\n")
    argv = ["unshare", "--net", "--mount", "sh", "-c", _MOUNTS, "machine", folder, "memory" if disk_in_memory else ""]
    holder = _start(argv, folder / "holder.log")
    eventually(lambda: holder.poll() is not None or _comm(holder.pid) == "sleep", 10)
    assert holder.poll() is None, (folder / "holder.log").read_text()
    return Machine(name, address, folder, cable, holder)


def _name_wards(operator: Machine, hosts: Sequence[Machine]) -> None:
    """Give two hosts names of the operator's own: one in ~/.ssh/config, one as a context of Docker's."""
    wards = [host.address for host in hosts[1:3]]
    (operator.folder / "home" / "operator" / ".ssh" / "config").write_text(
        f"Host first-ward\n  HostName {wards[0]}\n  User {USER}\n"
    )
    config = operator.folder / "home" / "operator" / ".docker"
    config.mkdir()
    plugins = Path(os.environ.get("DOCKER_CONFIG", Path.home() / ".docker"), "cli-plugins")
    if plugins.is_dir():
        (config / "cli-plugins").symlink_to(plugins)
    context = ("docker", "context", "create", "second-ward", "--docker", f"host=ssh://{USER}@{wards[1]}")
    operator.does("env", f"DOCKER_CONFIG={DOCKER_CONFIG}", *context)


def _let_in(operator: Machine, hosts: Sequence[Machine]) -> None:
    """Make the operator's key and the hosts' own, and write what ssh and sshd need."""
    secret = operator.folder / "home" / "operator" / ".ssh"
    secret.mkdir(mode=0o700)
    _must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", secret / "id_ed25519")
    for host in hosts:
        home = host.folder / "home" / "ops"
        (home / ".ssh").mkdir(mode=0o700)
        shutil.copyfile(secret / "id_ed25519.pub", home / ".ssh" / "authorized_keys")
        for path in (home / ".ssh", home / ".ssh" / "authorized_keys"):
            os.chown(path, UID, UID)
        _must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host.folder / "host_key")
        (host.folder / "sshd_config").write_text(
            f"HostKey {host.folder}/host_key\nPidFile none\nUsePAM no\nPasswordAuthentication no\n"
            "AuthorizedKeysFile .ssh/authorized_keys\nPort 22\n"
        )
