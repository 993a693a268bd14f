"""One federation, containers on two hosts and plain processes on two others, which have no engine that is used."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Ended, eventually, run
from tests.hosts.deployment import PLACES, Across, private_keys
from tests.hosts.lan import UID, Machine
from tests.process.conftest import members

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

WARDS = ("ward-a", "ward-b")
# The hosts of the tests share one list of processes, and are told apart by their folders alone.
PLAIN = {name: f"runtime: process, path: /srv/{name}" for name in WARDS}


def give_wheels(host: Machine, folder: Path) -> None:
    """A host without a way to the package index has the packages in a folder, and its own pip.conf says so."""
    (host.folder / "etc" / "pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {folder}\n")


@pytest.fixture(scope="module")
def wheels(across: Across) -> Path:
    folder = across.lan["hub"].folder.parent / "wheels"
    ended = run([sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", folder, "nvflare==2.9.0"])
    assert ended.returncode == 0, ended.err
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def mixed(across: Across, wheels: Path, definition: Path | None) -> Iterator[Across]:
    across.build_again()
    for name in WARDS:
        give_wheels(across.lan[name], wheels)
    across.place(PLACES, definition, PLAIN)
    ended = across.up("--yes")
    assert ended.returncode == 0, ended.err
    yield across
    ended = across.does("down")
    # A host that is only a namespace takes no process with it when it ends.
    left = [pid for site in ("site-1", "site-2") for pid in processes(across, site)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert (ended.returncode, left) == (0, []), ended.err
    for name in WARDS:
        (across.lan[name].folder / "etc" / "pip.conf").unlink()
        run(["rm", "-rf", folder_on(across, name)])
    across.place(PLACES, definition)


def folder_on(across: Across, host: str) -> Path:
    """The federation's folder on a host of plain processes, as this machine's root sees it."""
    return across.lan[host].folder / "srv" / host / across.project


def processes(across: Across, site: str) -> list[int]:
    return members(Path("/srv", PLACES[site], across.project, "workspaces", site))


def test_all_are_registered_and_status_says_where(mixed: Across) -> None:
    rows = mixed.rows()
    assert {name: row["host"] for name, row in rows.items()} == PLACES
    assert {(row["state"], row["registered"]) for row in rows.values()} == {("running", True)}
    assert mixed.lan["ward-a"].docker("ps", "--quiet") == ""
    for pid in processes(mixed, "site-1"):
        assert Path("/proc", str(pid)).stat().st_uid == UID


def test_a_job_runs_on_containers_and_processes_alike(mixed: Across) -> None:
    job = mixed.nvflare("job", "submit", "-j", "examples/quickstart/job")["data"]["job_id"]
    waited = mixed.nvflare("job", "wait", job, "--timeout", "180", "--interval", "1")
    assert waited["data"]["status"] == "FINISHED:COMPLETED"


def test_a_hosts_own_python_environment_is_looked_at_there(mixed: Across, definition: Path | None) -> None:
    def use(environment: str) -> Ended:
        mixed.place(PLACES, definition, {**PLAIN, "ward-b": f"{PLAIN['ward-b']}, nvflare_environment: {environment}"})
        return mixed.up("--yes")

    before = processes(mixed, "site-2")
    ended = use("/opt/none")
    assert ended.returncode == 1
    assert "there is no /opt/none/bin/python3 on this machine" in ended.err
    assert processes(mixed, "site-2") == before
    (made,) = (folder_on(mixed, "ward-b") / "venvs").iterdir()
    ended = use(f"/srv/ward-b/{mixed.project}/venvs/{made.name}")
    assert ended.returncode == 0, ended.err
    assert "another Python environment" in ended.err
    assert mixed.rows()["site-2"]["registered"]
    mixed.place(PLACES, definition, PLAIN)
    assert mixed.up("--yes").returncode == 0


def test_logs_of_all_are_read_in_one_go(mixed: Across) -> None:
    ended = mixed.does("logs", "-n", "2000")
    assert ended.returncode == 0, ended.err
    for site in ("site-1", "site-2", "site-3"):
        assert any(
            line.startswith(site) and f"Successfully registered client:{site}" in line for line in ended.out.split("\n")
        ), site


def test_a_host_has_what_its_own_participant_needs_and_no_more(mixed: Across) -> None:
    keys = private_keys(mixed.kits)
    for site, host in (("site-1", "ward-a"), ("site-2", "ward-b")):
        there = folder_on(mixed, host)
        assert not (there / "docker-compose.yml").exists()
        # Programs without rights look names up, too.
        shared = {there / "workspaces" / site / "composer.hosts"}
        for path in (path for path in there.rglob("*") if not path.is_symlink() and "venvs" not in path.parts):
            if path in shared:
                continue
            assert (path.stat().st_uid, path.stat().st_mode & 0o077) == (UID, 0), path
        strangers = [line for other, lines in keys.items() if other != site for line in lines]
        found = run(["grep", "-rlF", *(part for line in strangers for part in ("-e", line)), there])
        assert (found.returncode, found.out) == (1, "")


def test_who_is_killed_comes_back(mixed: Across) -> None:
    before = processes(mixed, "site-1")
    client = next(pid for pid in before if b"python" in Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")[0])
    mixed.lan["ward-a"].does("kill", "-9", str(client))
    eventually(lambda: mixed.rows()["site-1"]["restarts"] == 1, 60)
    eventually(lambda: mixed.rows()["site-1"]["registered"], 60)


def test_only_whose_settings_have_changed_is_started_anew(mixed: Across, definition: Path | None) -> None:
    before = {site: processes(mixed, site) for site in ("site-1", "site-2")}
    mixed.place(PLACES, definition, {**PLAIN, "site-2": "environment: {WARD: b}"})
    planned = json.loads(mixed.up("--dry-run", "--json").out)
    restarted = {host["host"]: host["restart"] for host in planned["hosts"] if host["restart"]}
    assert restarted == {"ward-b": {"site-2": "its settings have changed"}}
    ended = mixed.up("--yes")
    assert ended.returncode == 0, ended.err
    assert set(processes(mixed, "site-1")) & set(before["site-1"])
    assert not set(processes(mixed, "site-2")) & set(before["site-2"])


def test_a_site_moves_between_processes_and_containers(mixed: Across, definition: Path | None) -> None:
    moved = {**PLACES, "site-1": "ward-c"}
    mixed.place(moved, definition, PLAIN)
    ended = mixed.up("--yes")
    assert ended.returncode == 0, ended.err
    assert {name: row["host"] for name, row in mixed.rows().items() if row["registered"]} == moved, mixed.rows()
    assert processes(mixed, "site-1") == []
    assert not list(folder_on(mixed, "ward-a").rglob("*.key"))
    mixed.place(PLACES, definition, PLAIN)
    ended = mixed.up("--yes")
    assert ended.returncode == 0, ended.err
    assert mixed.rows()["site-1"]["host"] == "ward-a"
    assert mixed.rows()["site-1"]["registered"]
    assert "site-1" not in mixed.lan["ward-c"].docker("ps", "--all", "--format", "{{.Names}}")


def test_whose_new_place_fails_goes_on_where_it_runs(mixed: Across, definition: Path | None) -> None:
    before = processes(mixed, "site-2")
    mixed.place({**PLACES, "site-2": "hub"}, definition, {**PLAIN, "hub": "runtime: docker", "site-2": "gpus: all"})
    ended = mixed.up("--yes")
    assert ended.returncode != 0
    assert "Traceback" not in ended.err
    assert set(processes(mixed, "site-2")) & set(before)
    mixed.place(PLACES, definition, PLAIN)
    assert mixed.up("--yes").returncode == 0


def test_nothing_of_the_other_kind_is_started_over_who_runs(mixed: Across, definition: Path | None) -> None:
    mixed.place(PLACES, definition, {**PLAIN, "ward-b": "path: /srv/ward-b"})
    ended = mixed.up("--yes")
    assert ended.returncode == 1
    assert "ward-b: site-2 runs there in another way" in ended.err
    assert processes(mixed, "site-2")
    assert {row["registered"] for row in mixed.rows().values()} == {True}
    mixed.place(PLACES, definition, PLAIN)


def test_an_end_of_all(mixed: Across) -> None:
    ended = mixed.does("down")
    assert ended.returncode == 0, ended.err
    assert processes(mixed, "site-1") == processes(mixed, "site-2") == []
    assert {row["state"] for row in mixed.rows().values()} <= {"absent", "exited"}
    ended = mixed.up("--yes")
    assert ended.returncode == 0, ended.err
