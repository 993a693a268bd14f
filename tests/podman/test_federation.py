"""``runtime: podman`` from ``up`` to ``down``, in the order in which a user lives it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Deployment, composer, eventually, nvflare, run, tree
from tests.podman.conftest import PodmanDeployment, podman, quadlets, strangers

pytestmark = pytest.mark.nvflare

PARTICIPANTS = ["server1", "site-1", "site-2"]


@pytest.fixture(scope="module")
def kits_before(prod_00: Path) -> dict[str, tuple[int, bytes]]:
    return tree(prod_00)


@pytest.fixture(scope="module")
def job(federation: Deployment) -> str:
    submitted = nvflare(federation, "job", "submit", "-j", "examples/quickstart/job")
    waited = nvflare(federation, "job", "wait", submitted["job_id"], "--timeout", "200", "--interval", "1")
    assert waited["status"] == "FINISHED:COMPLETED"
    return str(submitted["job_id"])


def _restarts(federation: Deployment) -> dict[str, int]:
    return {row["name"]: row["restarts"] for row in federation.status()["participants"]}


def test_up_returns_when_everybody_is_registered(
    kits_before: dict[str, tuple[int, bytes]], federation: PodmanDeployment
) -> None:
    status = federation.status()
    assert status["healthy"] is True
    assert [row["name"] for row in status["participants"]] == PARTICIPANTS
    for row in status["participants"]:
        assert (row["host"], row["state"], row["registered"]) == ("local", "running", True)
        assert row["image"].startswith("localhost/")
        assert row["image_fresh"] is True


def test_containers_are_hardened(federation: PodmanDeployment) -> None:
    (said,) = json.loads(podman("inspect", federation.container("site-1")))
    host = said["HostConfig"]
    assert (host["ReadonlyRootfs"], host["NetworkMode"], host["Init"]) == (True, "host", True)
    assert said["EffectiveCaps"] in ([], None)
    assert "no-new-privileges" in host["SecurityOpt"]
    inside = federation.run("exec", "site-1", "--", "cat", "/proc/self/status").out
    assert "NoNewPrivs:\t1" in inside
    assert "CapEff:\t0000000000000000" in inside


def test_a_second_up_changes_nothing(federation: PodmanDeployment) -> None:
    before = podman("ps", "--no-trunc", "--quiet")
    ended = federation.up()
    assert (ended.returncode, "nothing changed" in ended.err) == (0, True), ended.err
    assert podman("ps", "--no-trunc", "--quiet") == before


@pytest.mark.parametrize("names", [("site-1",), ("site-1", "site-2")])
def test_logs_carry_names(federation: PodmanDeployment, names: tuple[str, ...]) -> None:
    ended = federation.run("logs", "-n", "2", *names)
    assert ended.returncode == 0, ended.err
    assert {line.split(" | ")[0] for line in ended.out.splitlines()} == set(names)


def test_three_rounds_of_plus_one(federation: PodmanDeployment, job: str, tmp_path: Path) -> None:
    nvflare(federation, "job", "download", job, cwd=tmp_path)
    import numpy

    weights = numpy.load(tmp_path / job / "workspace" / "models" / "server.npy")
    assert weights.tolist() == [[4.0, 5.0], [6.0, 7.0]]


def test_who_crashes_comes_back(federation: PodmanDeployment) -> None:
    before = _restarts(federation)["site-2"]
    # The container ends with it, and this command then cannot say how it ended.
    run(["podman", "exec", federation.container("site-2"), "bash", "-c", 'kill -9 "$(cat /workspace/composer.pid)"'])
    eventually(lambda: _restarts(federation)["site-2"] > before)
    eventually(lambda: bool(federation.status()["healthy"]))


def test_a_restart_keeps_the_job(federation: PodmanDeployment, job: str) -> None:
    ended = federation.run("restart", "server1")
    assert ended.returncode == 0, ended.err
    eventually(lambda: job in json.dumps(nvflare(federation, "job", "list")))


def test_systemd_takes_the_quadlets(federation: PodmanDeployment) -> None:
    ended = quadlets(federation.folder / "quadlets")
    assert ended.returncode == 0, ended.err
    for name in PARTICIPANTS:
        assert f"---{federation.container(name)}.service---" in ended.out
    assert "unsupported" not in ended.err
    commands = [line.removeprefix("ExecStart=") for line in ended.out.splitlines() if line.startswith("ExecStart=")]
    assert len(commands) == len(PARTICIPANTS)


def test_images_travel(federation: PodmanDeployment, tmp_path: Path) -> None:
    ended = composer("images", "save", "-C", federation.folder, tmp_path / "images")
    assert ended.returncode == 0, ended.err
    ended = federation.run("images", "--json")
    assert {row["state"] for row in json.loads(ended.out)["images"]} == {"fresh"}


def test_down_leaves_nothing(federation: PodmanDeployment, kits_before: dict[str, tuple[int, bytes]]) -> None:
    ended = federation.run("down")
    assert ended.returncode == 0, ended.err
    assert podman("ps", "--all", "--quiet") == ""
    assert strangers(federation.folder) == []
    assert tree(federation.kits) == kits_before
