"""One federation in three ways: a server in Docker here, a site as a bundle of processes, one as one of containers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT, SHUT_DOWN_SITE_2, Ended, composer, docker, eventually, free_port, provision, run

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

PORT = free_port()
PROJECT = "mixed"
HOSTS = """
hosts:
  here: {address: 127.0.0.1, endpoint: local}
  ward-a: {address: 127.0.0.1}
  ward-b: {address: 127.0.0.1}
participants:
  server1: {host: here}
  admin@quickstart.example: {host: here}
  site-1: {host: ward-a}
  site-2: {host: ward-b}
"""


@dataclass(frozen=True)
class Mixed:
    """Where everything is."""

    folder: Path
    deployment: Path
    plain: Path
    contained: Path

    def here(self, command: str, *arguments: str) -> Ended:
        return composer(command, "-C", self.deployment, *arguments, cwd=ROOT)

    def nvflare(self, *arguments: str) -> dict:
        ended = self.here("admin", "--", "--format", "json", *arguments)
        assert ended.returncode == 0, ended.err + ended.out
        return dict(json.loads(ended.out)["data"])


def does(folder: Path, script: str, *arguments: str, **env: str) -> Ended:
    ended = run([folder / f"{script}.sh", *arguments], env=env)
    assert ended.returncode == 0, ended.err + ended.out
    return ended


def unpack(archive: Path, folder: Path) -> Path:
    assert run(["tar", "xzf", archive, "-C", folder]).returncode == 0
    return folder / archive.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def mixed(engine: None, definition: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixed]:
    folder = tmp_path_factory.mktemp("mixed")
    kits = provision(folder, PROJECT, PORT)
    common = definition.read_text() if definition else ""
    (folder / "alone.yml").write_text(f"kits: {kits}\n{common}")
    (folder / "composer.yml").write_text(f"kits: {kits}\n{common}{HOSTS}")
    chosen = ("-f", folder / "composer.yml", "-C", folder / "deployment")
    ended = composer("build", "-f", folder / "alone.yml", "-C", folder / "deployment")
    assert ended.returncode == 0, ended.err
    for runtime, extra in (("process", ()), ("docker", ("--with-images",))):
        ended = composer("bundle", *chosen, "-o", folder / runtime, "--runtime", runtime, *extra)
        assert ended.returncode == 0, ended.err
    ended = composer("up", *chosen)
    assert ended.returncode == 0, ended.err
    made = Mixed(
        folder,
        folder / "deployment",
        unpack(folder / "process" / f"{PROJECT}-ward-a.tar.gz", folder),
        unpack(folder / "docker" / f"{PROJECT}-ward-b.tar.gz", folder),
    )
    yield made
    for bundle in (made.plain, made.contained):
        run([bundle / "stop.sh"])
    made.here("down")


def test_both_bundles_register_with_the_server_in_docker(mixed: Mixed) -> None:
    image = f"{PROJECT}/site-2:2.9.0"
    packed = docker("image", "inspect", "--format", "{{.Id}}", image)
    docker("image", "rm", "--force", image)
    ended = does(mixed.contained, "start")
    assert "loading the images" in ended.err
    assert "registered: site-2" in ended.err
    assert docker("image", "inspect", "--format", "{{.Id}}", image) == packed
    assert "registered: site-1" in does(mixed.plain, "start").err
    for bundle in (mixed.plain, mixed.contained):
        assert "running" in does(bundle, "status").out


def test_a_job_runs_on_both(mixed: Mixed) -> None:
    submitted = mixed.nvflare("job", "submit", "-j", "examples/quickstart/job")
    waited = mixed.nvflare("job", "wait", str(submitted["job_id"]), "--timeout", "200", "--interval", "1")
    assert waited["status"] == "FINISHED:COMPLETED"
    for bundle, site in ((mixed.plain, "site-1"), (mixed.contained, "site-2")):
        assert (bundle / "workspaces" / site / str(submitted["job_id"])).is_dir()


def test_the_container_is_as_hard_as_the_deployments(mixed: Mixed) -> None:
    contained = docker("ps", "--quiet", "--filter", f"label=flare-composer.deployment={mixed.contained}").split()
    assert len(contained) == 1
    host = json.loads(docker("inspect", contained[0]))[0]["HostConfig"]
    assert (host["CapDrop"], host["ReadonlyRootfs"], host["Init"], host["NetworkMode"]) == (["ALL"], True, True, "host")
    assert host["RestartPolicy"]["Name"] == "on-failure"


def test_without_compose_the_settings_are_the_same(mixed: Mixed, tmp_path: Path) -> None:
    def settings() -> dict:
        found = docker("ps", "--quiet", "--filter", f"label=flare-composer.deployment={mixed.contained}").split()
        seen = json.loads(docker("inspect", found[0]))[0]
        host, config = seen["HostConfig"], seen["Config"]
        wanted = ("NetworkMode", "RestartPolicy", "ExtraHosts", "CapDrop", "SecurityOpt", "ReadonlyRootfs", "Init")
        mounts = sorted((mount["Source"], mount["Destination"], mount["RW"]) for mount in seen["Mounts"])
        health = {key: value for key, value in config["Healthcheck"].items() if key != "Test"}
        return {
            **{key: host[key] for key in (*wanted, "PidsLimit", "LogConfig", "Tmpfs")},
            "health": health,
            "user": config["User"],
            "command": config["Cmd"],
            "environment": sorted(config["Env"]),
            "stop": config.get("StopTimeout"),
            "mounts": mounts,
        }

    before = settings()
    does(mixed.contained, "stop")
    assert "registered: site-2" in does(mixed.contained, "start", DOCKER_CONFIG=str(tmp_path)).err
    assert settings() == before
    assert "site-2 | " in does(mixed.contained, "logs", "-n", "3").out


def test_an_admins_shutdown_stays_down(mixed: Mixed) -> None:
    mixed.nvflare(*SHUT_DOWN_SITE_2)
    eventually(lambda: "stopped" in run([mixed.contained / "status.sh"]).out)
    does(mixed.contained, "start")


def test_tampering_is_refused(mixed: Mixed) -> None:
    does(mixed.contained, "stop")
    compose = mixed.contained / "docker-compose.yml"
    was = compose.read_bytes()
    compose.write_bytes(was.replace(b"read_only", b"read-only"))
    ended = run([mixed.contained / "start.sh"])
    assert ended.returncode == 1
    assert "docker-compose.yml is not as it was packed" in ended.err
    compose.write_bytes(was)


def test_a_registration_of_a_former_life_does_not_count(mixed: Mixed) -> None:
    state = mixed.contained / "workspaces" / "site-2" / "composer.state"
    former = state.read_text()
    does(mixed.contained, "stop")
    ended = mixed.here("down")
    assert ended.returncode == 0, ended.err
    does(mixed.contained, "start", "--no-wait")
    eventually(lambda: state.read_text().startswith("started "), 60)
    # As it was until the new container got to writing its own.
    state.write_text(former)
    ended = run([mixed.contained / "status.sh"])
    assert ended.returncode == 3, ended.out


def test_stopping_leaves_no_container_and_the_workspace(mixed: Mixed) -> None:
    does(mixed.contained, "stop")
    does(mixed.contained, "stop")
    assert not docker("ps", "--all", "--quiet", "--filter", f"label=flare-composer.deployment={mixed.contained}")
    assert (mixed.contained / "workspaces" / "site-2" / "log.txt").is_file()
    assert run([mixed.contained / "status.sh"]).returncode == 3
