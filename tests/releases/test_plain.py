"""Kits of the releases that run on this machine's Python, as plain processes: registered, a job, and no open port."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from composer.kits.releases import NVFLARE_VERSIONS, RELEASES
from tests.process.test_open_ports import open_ports, unix_sockets
from tests.releases.released import STARTED, Released, provision_release, run_job

pytestmark = [pytest.mark.docker, pytest.mark.nvflare, pytest.mark.usefixtures("engine")]


RUNNING_HERE = [name for name in NVFLARE_VERSIONS if RELEASES[name].runs_on(sys.version_info[:2])]


@pytest.fixture(scope="module", params=RUNNING_HERE)
def plain(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, ports: list[int]
) -> Iterator[Released]:
    folder = tmp_path_factory.mktemp("plain")
    deployment = provision_release(request.param, folder, ports)
    deployment.definition = folder / "plain.yml"
    deployment.definition.write_text("runtime: process\n")
    with deployment.running():
        yield deployment


def test_all_are_registered(plain: Released) -> None:
    assert {row["name"]: row["registered"] for row in plain.status()["participants"]} == dict.fromkeys(STARTED, True)


@pytest.mark.parametrize("service", STARTED)
def test_nobody_reaches_a_participant_but_through_its_server(plain: Released, service: str) -> None:
    """NVFLARE's own port for jobs, open to the network up to 2.8, is a socket in a folder of the participant's own."""
    workspace = plain.folder / "workspaces" / service
    assert open_ports(workspace) == (plain.server_ports if service == "server1" else set())
    listening = unix_sockets(workspace)
    assert listening
    assert not [name for name in listening if name.startswith("@")]
    assert (workspace / ".internal").stat().st_mode & 0o777 == 0o700


def test_an_admins_job_runs_to_its_end(plain: Released) -> None:
    run_job(plain)
