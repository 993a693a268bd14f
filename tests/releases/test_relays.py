"""Sites behind relays, and sites below sites, as NVFLARE provisions them: all register, and a job runs."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, Deployment, composer, docker
from tests.listeners import ports_of
from tests.releases.provisioners import provisioner

pytestmark = [pytest.mark.docker, pytest.mark.nvflare, pytest.mark.usefixtures("engine")]

# The order in which they start: a relay's parent before the relay.
STARTED = ("hub.example.com", "relay-1", "a-relay-below", "site-1", "site-2", "site-3", "site-4")
# What each dials is under a name that no DNS knows.
NAMES = ("fl.example.com", "relay1.example.com", "relay2.example.com")


class Relayed(Deployment):
    """A federation with relays, and the port that each relay opens."""

    opened: dict[str, int]


@pytest.fixture(scope="module", params=["2.6", "2.7", "2.9"])
def relayed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, ports: list[int]
) -> Iterator[Relayed]:
    folder = tmp_path_factory.mktemp("relayed")
    provisions = provisioner(request.param, folder)
    server, admin, first, second = ports[2:6]

    def relay(name: str, host: str, port: int, parent: str) -> dict[str, Any]:
        listening = {"scheme": "grpc", "default_host": host, "port": port, "connection_security": "mtls"}
        return {
            "name": name,
            "type": "relay",
            "org": "hub",
            "listening_host": listening,
            "connect_to": {"name": parent},
        }

    def site(name: str, **wiring: Any) -> dict[str, Any]:
        return {"name": name, "type": "client", "org": "ward", **wiring}

    def change(project: dict[str, Any]) -> None:
        project["name"] = f"relays{request.param.replace('.', '-')}-{server}"
        hub = {"name": STARTED[0], "type": "server", "org": "hub", "default_host": NAMES[0]}
        lead = {"name": "lead@hub.example.com", "type": "admin", "org": "hub", "role": "project_admin"}
        project["participants"] = [
            {**hub, "fed_learn_port": server, "admin_port": admin},
            relay("relay-1", NAMES[1], first, STARTED[0]),
            relay("a-relay-below", NAMES[2], second, "relay-1"),
            site("site-1", connect_to={"name": "relay-1"}, capacity={"num_of_gpus": 2, "mem_per_gpu_in_GiB": 1}),
            site("site-2", connect_to={"name": "a-relay-below"}),
            site("site-3"),
            site("site-4", parent="site-3"),
            lead,
        ]
        for builder in project["builders"]:
            if "overseer_agent" in builder.get("args", {}):
                end_point = {"sp_end_point": f"{NAMES[0]}:{server}:{admin}"}
                builder["args"]["overseer_agent"]["args"] = end_point

    kits = provisions.provision(folder, change)
    deployment = Relayed(folder / "deployment", kits, _without_gpus(folder, kits, provisions.definition))
    deployment.opened = {"relay-1": first, "a-relay-below": second}
    with deployment.running():
        yield deployment


def _without_gpus(folder: Path, kits: Path, usual: Path | None) -> Path:
    """Return a definition that gives site-1, whose kit asks for GPUs, the resources of a machine without any."""
    resources = json.loads((kits / "site-1/local/resources.json.default").read_text())
    for component in resources["components"]:
        if component["id"] == "resource_manager":
            assert component["args"]["num_of_gpus"] == 2
            component["args"] = {"num_of_gpus": 0, "mem_per_gpu_in_GiB": 0}
    (folder / "own").mkdir()
    (folder / "own/resources.json").write_text(json.dumps(resources))
    document = yaml.safe_load(usual.read_text()) if usual else {}
    document["participants"] = {"site-1": {"local": "own"}}
    definition = folder / "without-gpus.yml"
    definition.write_text(yaml.safe_dump(document))
    return definition


def test_relays_and_all_behind_them_are_registered_and_healthy(relayed: Relayed) -> None:
    status = relayed.status()
    assert status["healthy"] is True
    assert tuple(row["name"] for row in status["participants"]) == STARTED
    assert all(row["registered"] and row["since"] for row in status["participants"])


def test_the_server_says_so_itself(relayed: Relayed) -> None:
    log = docker("logs", relayed.container(STARTED[0]))
    joined = re.findall(r"Client: New (?:client|relay) (\S+?)@\S+ joined", log)
    assert sorted(joined) == sorted(STARTED[1:])


def test_others_start_before_those_that_dial_them(relayed: Relayed) -> None:
    containers = json.loads(docker("inspect", *map(relayed.container, STARTED)))
    began = [container["State"]["StartedAt"] for container in containers]
    server, relay, below, *sites = began
    assert server < relay < below
    assert all(server < site for site in sites)
    assert below < sites[1]
    assert relay < sites[0]


@pytest.mark.parametrize("service", STARTED)
def test_the_containers_own_healthcheck_agrees(relayed: Relayed, service: str) -> None:
    container = relayed.container(service)
    test = json.loads(docker("inspect", container))[0]["Config"]["Healthcheck"]["Test"]
    docker("exec", container, *test[1:])


def test_sites_reach_their_relay_by_its_name_and_port(relayed: Relayed) -> None:
    for site, relay, name in (("site-1", "relay-1", NAMES[1]), ("site-2", "a-relay-below", NAMES[2])):
        container = relayed.container(site)
        assert "127.0.0.1" in docker("exec", container, "getent", "hosts", name)
        table = docker("exec", container, "cat", "/proc/net/tcp", "/proc/net/tcp6")
        port = f":{relayed.opened[relay]:04X}"
        assert any(line.split()[2].endswith(port) and line.split()[3] == "01" for line in table.splitlines()[1:])


@pytest.mark.parametrize("service", STARTED[1:])
def test_only_relays_open_a_port(relayed: Relayed, service: str) -> None:
    """Sites behind relays have NVFLARE's port for their own jobs written down in their kits, up to 2.8 to everybody."""
    opened = relayed.opened.get(service)
    assert set(ports_of(relayed.container(service))) == ({opened} if opened else set())


def test_the_host_knows_all_names(relayed: Relayed) -> None:
    lines = composer("hosts", relayed.kits).out.splitlines()
    assert lines == sorted(f"127.0.0.1 {name}" for name in (STARTED[0], *NAMES))


@pytest.mark.parametrize("relayed", ["2.9"], indirect=True)
def test_a_job_runs_on_sites_behind_relays(relayed: Relayed, tmp_path: Path) -> None:
    job = shutil.copytree(ROOT / "examples" / "quickstart" / "job", tmp_path / "job")
    meta = json.loads((job / "meta.json").read_text())
    meta["deploy_map"] = {"app": ["server", "site-1", "site-2"]}
    (job / "meta.json").write_text(json.dumps(meta))

    def nvflare(*arguments: str) -> dict[str, Any]:
        ended = relayed.run("admin", "--", "--format", "json", *arguments, cwd=tmp_path)
        assert ended.returncode == 0, ended.err + ended.out
        return dict(json.loads(ended.out)["data"])

    submitted = nvflare("job", "submit", "-j", "job")["job_id"]
    waited = nvflare("job", "wait", submitted, "--timeout", "120", "--interval", "1")
    assert waited["status"] == "FINISHED:COMPLETED"
    nvflare("job", "download", submitted)
    import numpy

    weights = numpy.load(tmp_path / submitted / "workspace" / "models" / "server.npy")
    assert weights.tolist() == [[4.0, 5.0], [6.0, 7.0]]


def test_a_relays_busy_port_is_told_before_anything_starts(relayed: Relayed) -> None:
    relayed.run("down")
    port = relayed.opened["a-relay-below"]
    with socket.create_server(("0.0.0.0", port)):
        ended = relayed.up()
    assert ended.returncode == 1
    assert f"port {port} of a-relay-below is taken on IPv4" in ended.err
    assert relayed.up().returncode == 0
