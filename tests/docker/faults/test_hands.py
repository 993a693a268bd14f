"""What somebody does to containers by hand, behind composer's back."""

from __future__ import annotations

import pytest

from tests.conftest import Deployment, docker, eventually
from tests.docker.faults.stack import containers, healthy, inspect, refused, rows

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]


@pytest.mark.fault(29)
def test_a_paused_site_is_told_and_nothing_is_started_over_it(well: Deployment) -> None:
    before, name = containers(well), well.container("site-1")
    docker("pause", name)
    try:
        row = rows(well)["site-1"]
        assert (row["state"], row["detail"]) == ("paused", f"somebody paused it: docker unpause {name}")
        assert well.run("status").returncode == 3
        ended = well.up()
        refused(ended, "site-1 is paused")
        assert f"docker unpause {name}" in ended.err
        assert containers(well) == before
        assert inspect(well, "site-1")["State"]["Status"] == "paused"
    finally:
        docker("unpause", name)
    eventually(lambda: healthy(well))


@pytest.mark.fault(29)
def test_a_paused_server_is_no_stranger_on_its_own_port(well: Deployment) -> None:
    name = well.container("server1")
    docker("pause", name)
    try:
        ended = well.up()
        refused(ended, "server1 is paused")
        assert "is taken" not in ended.err
        assert "is taken" not in well.on_kits("doctor").out
    finally:
        docker("unpause", name)
    eventually(lambda: healthy(well))
