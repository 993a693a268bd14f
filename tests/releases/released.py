"""A federation that a release of NVFLARE provisioned itself, and a job that every release has."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from composer.kits.releases import submits_jobs
from tests.conftest import COMPOSER, ROOT, Deployment, eventually, tree
from tests.console import converse
from tests.releases.provisioners import provisioner

STARTED = ("server1", "site-1", "site-2")
# Of what every release has.
JOB = ROOT / "tests" / "releases" / "job"


class Released(Deployment):
    """A federation, and the release that provisioned it."""

    release: str
    kits_before: dict[str, tuple[int, bytes]]

    @property
    def server_ports(self) -> set[int]:
        """The ports that its server is provisioned to open."""
        document = json.loads((self.kits / "server1" / "startup" / "fed_server.json").read_text())
        (server,) = document["servers"]
        port = int(server["service"]["target"].rpartition(":")[2])
        return {port, server.get("admin_port", port)}


def provision_release(release: str, folder: Path, ports: list[int]) -> Released:
    """Provision the sample project of a release on these ports; nothing runs yet."""
    provisions = provisioner(release, folder)

    def change(project: dict[str, Any]) -> None:
        project["name"] = f"r{release.replace('.', '-')}-{ports[0]}"
        _on_ports(project, *ports[:2])

    deployment = Released(folder / "deployment", provisions.provision(folder, change), provisions.definition)
    deployment.release = release
    deployment.kits_before = tree(deployment.kits)
    return deployment


def run_job(released: Released) -> None:
    """Submit the job as an administrator does, and wait until it is completed."""
    command = ("admin", "admin@nvidia.com")
    ended = released.run(*command, "--", "job", "submit", "-j", "job", cwd=JOB.parent)
    said = ended.out
    if not submits_jobs(released.release):
        # NVFLARE's own fault: the way that composer names instead is gone to its end.
        assert ended.returncode == 1
        folder = re.search(r"put the job into (\S+), then in the console \(composer admin\): submit_job JOB", ended.err)
        assert folder, ended.err
        shutil.copytree(JOB, Path(folder[1]) / "job")
        console = [*COMPOSER, *command, "-C", str(released.folder)]
        said = converse(console, [("User Name:", command[1]), ("> ", "submit_job job"), ("> ", "bye")])
    job = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", said.rpartition("submit_job job")[2])
    assert job, said + ended.err
    eventually(lambda: bool(list((released.folder / "job-store").glob(f"**/{job[0]}"))))

    def ended_as() -> str:
        metas = [
            path.read_text() for path in (released.folder / "job-store").glob(f"**/{job[0]}/meta") if path.is_file()
        ]
        return " ".join(metas)

    eventually(lambda: "FINISHED:" in ended_as(), 180)
    assert "FINISHED:COMPLETED" in ended_as()


def _on_ports(project: dict[str, Any], port: int, admin_port: int) -> None:
    """Releases differ in where the sample project has ports, and whether the admin's is one of its own."""
    for participant in project["participants"]:
        for key, value in (("fed_learn_port", port), ("admin_port", admin_port)):
            if key in participant:
                participant[key] = value
    for builder in project["builders"]:
        agent = builder.get("args", {}).get("overseer_agent")
        if agent:
            agent["args"]["sp_end_point"] = f"server1:{port}:{admin_port}"
