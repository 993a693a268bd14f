"""Kits that NVFLARE itself provisioned, of several releases, read and checked."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from composer.kits import load_kits
from composer.kits.checks import CheckOptions, check_kits
from tests.conftest import ROOT

ARCHIVES = ROOT.parent / "shared" / "kits"
NAMES = ["2.4.2", "2.6.3", "2.7.3", "2.8.3", "2.9.0", "2.9.0-relay-hierarchy"]
NOW = datetime(2026, 12, 1, tzinfo=timezone.utc)


def archive(name: str) -> Path:
    path = ARCHIVES / f"nvflare-{name}.tar.gz"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_real_kits_read_right_and_yield_nothing(name: str, tmp_path: Path) -> None:
    project = load_kits([archive(name)], tmp_path / "kits")
    release = ".".join(name.split(".")[:2])
    assert {kit.release for kit in project.kits} == {release}
    report = check_kits([archive(name)], tmp_path / "kits", CheckOptions(NOW))
    # Of the relays' kits, these two were provisioned to listen in the clear. A site does what it is told there.
    known = {("relay-2", "warning"), ("site-1", "error")} if name == "2.9.0-relay-hierarchy" else set()
    found = {(finding.id, finding.kit, finding.severity) for finding in report.findings}
    assert found == {("LISTENER", *one) for one in known}
    assert report.ok == (not known)
    late = check_kits([archive(name)], tmp_path / "kits", CheckOptions(NOW + timedelta(days=400)))
    assert {finding.id for finding in late.findings} - {"LISTENER"} == {"VALID"}


@pytest.mark.parametrize("name", NAMES[:-1])
def test_the_plain_project(name: str, tmp_path: Path) -> None:
    project = load_kits([archive(name)], tmp_path / "kits")
    assert project.name == "fedx"
    assert [kit.name for kit in project.kits] == ["server1", "site-1", "site-2", "admin@nvidia.com"]
    server, one, _, admin = project.kits
    assert server.scheme == one.scheme == ("grpc" if name < "2.7" else "http")
    assert (one.connects_to[0].host, one.connects_to[0].port) == ("server1", 8002)
    assert admin.connects_to[0].port == server.listens_on[-1].port == (8003 if name < "2.8" else 8002)


def test_relays_hierarchy_and_listening_host(tmp_path: Path) -> None:
    project = load_kits([archive("2.9.0-relay-hierarchy")], tmp_path / "kits")
    assert project.name == "fedy"
    wired = {
        kit.name: (
            [f"{one.identity}={one.host}:{one.port}" for one in kit.connects_to],
            [f"{one.host}:{one.port}" for one in kit.listens_on],
        )
        for kit in project.kits
    }
    hub, server = "server1.example.com", "server1.example.com=fl.example.com:9002"
    assert list(wired) == [hub, "relay-1", "relay-2", "site-1", "site-2", "site-3", "admin@nvidia.com"]
    assert wired == {
        hub: ([], [f"{hub}:9002", f"{hub}:9003"]),
        "relay-1": ([f"{hub}=alt.example.com:9002"], ["relay1.example.com:18102"]),
        "relay-2": (["relay-1=relay1.example.com:18102"], ["relay2.example.com:18103"]),
        "site-1": (["relay-1=relay1.example.com:18102", server], ["site-1-lh:0"]),
        "site-2": ([f"{hub}=alt.example.com:9002"], []),
        "site-3": ([server], []),
        "admin@nvidia.com": ([f"{hub}=10.0.0.5:9003"], []),
    }


@pytest.mark.nvflare
def test_kits_of_the_release_that_is_installed(prod_00: Path, tmp_path: Path) -> None:
    assert check_kits([prod_00], tmp_path, CheckOptions(datetime.now(timezone.utc))).findings == ()
