"""A federation that each release of NVFLARE provisioned itself runs in containers, from ``up`` to ``down``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from composer.kits.releases import NVFLARE_VERSIONS
from tests import kitmaker
from tests.conftest import Deployment, docker, run, tree
from tests.listeners import ports_of
from tests.releases.provisioners import provisioner
from tests.releases.released import STARTED, Released, provision_release, run_job

pytestmark = [pytest.mark.docker, pytest.mark.nvflare, pytest.mark.usefixtures("engine")]


@pytest.fixture(scope="module", params=NVFLARE_VERSIONS)
def released(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, ports: list[int]
) -> Iterator[Released]:
    """A federation that is up, of every release in turn."""
    deployment = provision_release(request.param, tmp_path_factory.mktemp("released"), ports)
    with deployment.running():
        yield deployment


def test_all_are_registered_and_healthy(released: Released) -> None:
    status = released.status()
    assert status["healthy"] is True
    assert [row["name"] for row in status["participants"]] == list(STARTED)
    assert all(row["registered"] and row["since"] for row in status["participants"])


def test_it_runs_on_its_own_release(released: Released) -> None:
    program = "import nvflare; print(nvflare.__version__)"
    for service in STARTED:
        found = docker("exec", released.container(service), "python3", "-c", program)
        assert found.strip() == NVFLARE_VERSIONS[released.release]


def test_the_server_says_so_itself(released: Released) -> None:
    log = docker("logs", released.container("server1"))
    joined = re.findall(r"Client: New client (\S+?)@\S+ joined", log)
    assert sorted(joined) == ["site-1", "site-2"]


@pytest.mark.parametrize("service", STARTED)
def test_the_containers_own_healthcheck_agrees(released: Released, service: str) -> None:
    container = released.container(service)
    test = json.loads(docker("inspect", container))[0]["Config"]["Healthcheck"]["Test"]
    assert test[0] == "CMD"
    docker("exec", container, *test[1:])


def test_an_admins_job_runs_to_its_end(released: Released) -> None:
    run_job(released)


@pytest.mark.parametrize("service", STARTED)
def test_a_participant_opens_no_port_but_its_servers(released: Released, service: str) -> None:
    """NVFLARE's own port for jobs obeys whoever reaches it: from any account, container or host of the network."""
    expected = released.server_ports if service == "server1" else set()
    assert set(ports_of(released.container(service))) == expected


@pytest.mark.parametrize("service", STARTED)
def test_nobody_else_enters_the_folder_of_what_it_opens_instead(released: Released, service: str) -> None:
    folder = released.folder / "workspaces" / service / ".internal"
    assert folder.stat().st_mode & 0o777 == 0o700
    (address,) = folder.iterdir()
    assert address.is_socket()
    container = released.container(service)
    tried = "import socket; socket.socket(socket.AF_UNIX).connect('/workspace/.internal/' + __import__('sys').argv[1])"
    docker("exec", container, "python3", "-c", tried, address.name)
    stranger = run(["docker", "exec", "--user", "65534:65534", container, "python3", "-c", tried, address.name])
    assert stranger.returncode == 1
    assert "Permission denied" in stranger.err


def test_no_bearer_token_leaves_with_the_logs(released: Released) -> None:
    written = "".join(docker("logs", released.container(service)) for service in STARTED)
    tokens = set(re.findall(r"(?i)token\W+([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", written))
    # Newer releases keep them to themselves.
    assert bool(tokens) == (released.release != "2.9")
    ended = released.run("logs")
    assert ended.returncode == 0, ended.err
    assert "Client: New client site-1@" in ended.out
    assert [token for token in tokens if token in ended.out] == []


def test_down_leaves_the_kits_as_they_were(released: Released) -> None:
    ended = released.run("down")
    assert ended.returncode == 0, ended.err
    ours = f"label=com.docker.compose.project={released.compose_project}"
    assert docker("ps", "--all", "--quiet", "--filter", ours) == ""
    assert tree(released.kits) == released.kits_before


def test_a_python_that_the_release_does_not_run_on_is_told_at_the_build(tmp_path: Path, ports: list[int]) -> None:
    wrong = provisioner("2.9", tmp_path)
    if wrong.definition is None:
        pytest.skip("the usual base image's name tells its Python: it is refused before anything is built")
    made = kitmaker.provision(tmp_path, kitmaker.Project("2.4", name=f"wrong{ports[0]}"))
    ended = Deployment(tmp_path / "deployment", made.prod, wrong.definition).on_kits("build")
    assert ended.returncode == 1, ended.err
    told = "NVFLARE 2.4.2 runs on Python 3.8 to 3.10, and the base image has Python 3.11"
    assert re.search(rf"error: the image cannot be built: {re.escape(told)}\.\d+\n hint: .*image\.base", ended.err)
