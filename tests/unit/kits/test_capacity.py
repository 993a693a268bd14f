"""Whether all that is to run has room, by its own files, by composer.yml and by this machine."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from composer.kits.checks import CheckOptions, CheckReport, check_kits
from composer.kits.checks.subject import Room
from tests.conftest import composer
from tests.kitmaker import NOW, Project, provision, write_json
from tests.unit.kits.conftest import Provision

SITES = tuple(f"site-{number}" for number in range(1, 102))
CROWDED = Project("2.9", clients=SITES)


def look(prod: Path, room: Room) -> CheckReport:
    return check_kits([prod], prod, CheckOptions(NOW, room=room))


def test_one_hundred_and_one_sites_are_one_too_many(provisioned: Provision) -> None:
    made = provisioned(CROWDED)
    (finding,) = look(made.prod, Room()).findings
    assert (finding.id, finding.severity, finding.kit) == ("MAX-CLIENTS", "error", "server1")
    assert "it takes 100 sites" in finding.message
    assert "there are 101: 1 would be rejected" in finding.message
    assert finding.fix == "write into composer.yml: max_num_clients: 101"
    assert look(made.prod, Room(max_num_clients=101)).findings == ()


@pytest.mark.parametrize(("name", "most", "ok"), [("resources.json", 101, True), ("resources.json", 99, False)])
def test_what_a_site_lays_over_its_kit_counts(
    provisioned: Provision, tmp_path: Path, name: str, most: int, ok: bool
) -> None:
    made, overlay = provisioned(CROWDED), tmp_path / "policies"
    write_json(overlay / name, {"servers": [{"max_num_clients": most}]})
    report = check_kits([made.prod], made.prod, CheckOptions(NOW, overlays={"server1": overlay}))
    assert report.ok is ok


def test_sites_on_other_hosts_need_no_port_and_no_memory_here(provisioned: Provision) -> None:
    made = provisioned(Project("2.9", relay="relay-1", scheme="grpc"))
    for path, port in (("relay-1/local/comm_config.json", 8002), ("site-1/local/relay__resources.json", 8002)):
        text = (made.prod / path).read_text().replace("18102", str(port))
        (made.prod / path).write_text(text)
    assert [finding.id for finding in look(made.prod, Room()).findings] == ["PORTS"]
    assert look(made.prod, Room(starts=True)).ok is False
    assert look(made.prod, Room(starts=True, hosts={"relay-1": "ward"})).findings == ()


def test_a_memory_limit_that_is_too_small_for_anybody_is_told(provisioned: Provision) -> None:
    made = provisioned(Project("2.9"))
    (finding,) = look(made.prod, Room(memories={"site-1": 64 << 20, "server1": 1 << 30})).findings
    assert (finding.id, finding.severity, finding.kit) == ("MEMORY", "warning", "site-1")
    assert "its memory limit is 64 MiB, and it needs 100 MiB" in finding.message


def test_a_port_that_a_site_fixes_for_its_own_jobs_counts(provisioned: Provision, tmp_path: Path) -> None:
    made, overlay = provisioned(Project("2.9")), tmp_path / "policies"
    own = {"scheme": "tcp", "resources": {"host": "127.0.0.1", "port": 8002, "connection_security": "mtls"}}
    write_json(overlay / "comm_config.json", {"internal": own})
    options = CheckOptions(NOW, overlays={"site-1": overlay}, room=Room(starts=True))
    (finding,) = check_kits([made.prod], made.prod, options).findings
    assert (finding.id, finding.kit) == ("PORTS", "site-1")
    assert "it listens on port 8002, and so does server1" in finding.message


def test_composer_yml_gives_the_server_room_and_leaves_its_kit_alone(tmp_path: Path) -> None:
    begins = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=1)
    made = provision(tmp_path, Project("2.9", clients=SITES, begins=begins))
    original = {"class_list": ["a"], "servers": [{"admin_storage": "transfer", "max_num_clients": 100}]}
    default = made.server / "local/resources.json.default"
    write_json(default, original)
    before = default.read_bytes()
    refused = composer("generate", made.prod, cwd=tmp_path)
    assert refused.returncode == 3
    assert "max_num_clients in local/resources.json" in refused.err
    (tmp_path / "composer.yml").write_text("max_num_clients: 101\n")
    assert composer("check", made.prod, cwd=tmp_path).returncode == 0
    assert composer("generate", made.prod, cwd=tmp_path).returncode == 0
    written = json.loads((tmp_path / "deployment/local/server1/resources.json").read_text())
    assert written == {**original, "servers": [{"admin_storage": "transfer", "max_num_clients": 101}]}
    assert default.read_bytes() == before
    assert not (tmp_path / "deployment/local/site-1").exists()


@pytest.mark.parametrize("most", ["0", "-1", "many", "[3]"])
def test_what_is_no_number_of_sites_is_refused(most: str, tmp_path: Path) -> None:
    begins = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=1)
    made = provision(tmp_path, Project("2.9", begins=begins))
    (tmp_path / "composer.yml").write_text(f"max_num_clients: {most}\n")
    ended = composer("generate", made.prod, cwd=tmp_path)
    assert ended.returncode == 1
    assert "max_num_clients" in ended.err
    assert not (tmp_path / "deployment").exists()
