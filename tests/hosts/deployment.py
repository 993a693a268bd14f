"""A federation across hosts of a test, its images built and nothing of it on any host yet."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.conftest import ROOT, Ended, composer, docker, free_port, run
from tests.hosts.lan import DOCKER_CONFIG, OPERATOR, Lan

PLACES = {"server1": "hub", "site-1": "ward-a", "site-2": "ward-b", "site-3": "ward-c"}
PATH = "/srv/flare"
# A name of the operator's ~/.ssh/config, and a context of Docker's.
_ENDPOINTS = {"ward-a": "ssh://first-ward", "ward-b": "context://second-ward"}


@dataclass
class Across:
    """A deployment across hosts, and composer on the operator's machine."""

    lan: Lan
    kits: Path
    folder: Path
    definition: Path
    project: str
    port: int

    def build_again(self) -> None:
        """Have the deployment folder as it was when the images had been built, after a purge."""
        if not self.folder.exists():
            shutil.copytree(self.folder.with_name("built"), self.folder)

    def run(self, *arguments: str | Path, timeout: float = 300) -> Ended:
        """Run composer as the operator."""
        return run([*self.enter_at(ROOT), *arguments], timeout=timeout)

    def enter_at(self, folder: Path) -> tuple[str, ...]:
        """What runs composer as the operator, in a folder."""
        env = ("env", "-C", str(folder), "DOCKER_HOST=unix:///run/docker.sock", f"PYTHONPATH={ROOT}")
        return (*self.lan.operator.enter, *env, f"DOCKER_CONFIG={DOCKER_CONFIG}", sys.executable, "-m", "composer")

    def place(
        self, places: Mapping[str, str], needed_here: Path | None, more: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Write the definition that places participants on hosts; ``more`` is said of one of either."""
        text = needed_here.read_text() if needed_here else ""
        hosts = self.lan.hosts.values()
        text += "hosts:\n" + "".join(_host(host.name, host.address, more.get(host.name, "")) for host in hosts)
        text += f"  desk: {{address: {OPERATOR}, endpoint: local}}\nparticipants:\n"
        text += "".join(f"  {name}: {{host: {host}, {more.get(name, '')}}}\n" for name, host in places.items())
        self.definition.write_text(text)

    def up(self, *arguments: str) -> Ended:
        """``composer up``."""
        return self.run("up", self.kits, "-f", self.definition, "-C", self.folder, *arguments)

    def does(self, command: str, *arguments: str) -> Ended:
        """Any command that takes ``-C``."""
        return self.run(command, "-C", self.folder, *arguments)

    def status(self) -> dict[str, Any]:
        """``composer status --json``, read."""
        ended = self.does("status", "--json")
        assert ended.returncode in (0, 3), ended.err
        return dict(json.loads(ended.out))

    def rows(self) -> dict[str, dict[str, Any]]:
        """The participants of the status, by name."""
        return {row["name"]: row for row in self.status()["participants"]}

    def nvflare(self, *arguments: str) -> dict[str, Any]:
        """One ``nvflare`` command through the admin's kit."""
        ended = self.does("admin", "--", "--format", "json", *arguments)
        assert ended.returncode == 0, ended.err + ended.out
        return dict(json.loads(ended.out))

    def container(self, name: str) -> dict[str, Any]:
        """A participant's container as its host's engine has it."""
        host = self.lan[PLACES[name]]
        return dict(json.loads(host.docker("inspect", f"{self.project}-{name}-1"))[0])

    def log(self, name: str) -> str:
        """A participant's log."""
        return self.lan[PLACES[name]].docker("logs", f"{self.project}-{name}-1")

    def there(self, host: str) -> Path:
        """The federation's folder on a host, as this machine's root sees it."""
        return self.lan[host].folder / "srv" / "flare" / self.project


def prepare(lan: Lan, folder: Path, needed_here: Path | None, places: Mapping[str, str] = PLACES) -> Across:
    """Provision, and put the images on the operator's engine.

    Args:
        lan: The hosts.
        folder: For kits, definition and deployment.
        needed_here: What this machine needs to build images, as a definition.
        places: The hosts of the participants; there are as many sites as it names.
    """
    port = free_port()
    project = f"far{port}"
    kits = _provision(folder, project, port, len(places) - 1)
    made = Across(lan, kits, folder / "deployment", folder / "composer.yml", project, port)
    made.place(places, needed_here)
    # The package index is not in the hosts' network: the machine's own engine builds.
    built = composer("build", kits, "-f", made.definition, "-C", made.folder)
    assert built.returncode == 0, built.err
    tags = docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{project}/*").split()
    archive = folder / "images.tar"
    docker("save", "--output", str(archive), *tags)
    lan.operator.docker("load", "--quiet", "--input", str(archive))
    archive.unlink()
    docker("rmi", *tags)
    shutil.copytree(made.folder, made.folder.with_name("built"))
    return made


def private_keys(kits: Path) -> dict[str, list[str]]:
    """A line in the middle of each private key, by the participant that it belongs to."""
    return {
        kit.name: [path.read_text().splitlines()[5] for path in sorted(kit.rglob("*.key"))]
        for kit in sorted(kits.iterdir())
        if (kit / "startup").is_dir()
    }


def _host(name: str, address: str, more: str) -> str:
    endpoint = _ENDPOINTS.get(name, f"ssh://ops@{address}")
    path = "" if "path:" in more else f"path: {PATH}, "
    return f"  {name}: {{address: {address}, endpoint: {endpoint}, {path}{more}}}\n"


def _provision(folder: Path, name: str, port: int, sites: int) -> Path:
    text = (ROOT / "examples" / "quickstart" / "project.yml").read_text()
    more = "".join(f"  - name: site-{number}\n    type: client\n    org: ward\n" for number in range(3, sites + 1))
    text = text.replace("name: quickstart", f"name: {name}").replace("8002", str(port))
    # gRPC shares its port, which is tried.
    text = text.replace("scheme: http", "scheme: grpc")
    text = text.replace("  - name: admin@", f"{more}  - name: admin@")
    (folder / "project.yml").write_text(text)
    ended = composer("provision", folder / "project.yml", "-w", folder / "workspace")
    assert ended.returncode == 0, ended.err
    return Path(ended.out.strip())
