"""``composer report`` as a user runs it: where it may write, what it says, and what it never says."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

from composer.model.errors import ComposerError
from composer.model.report import Job
from composer.render.report import render_report
from composer.runtimes.job_store import read_jobs
from composer.usecases.report import write_page
from tests.conftest import COMPOSER, composer, tree
from tests.kitmaker import Project, provision
from tests.reports import report_of

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
JOB = "131e808f-75af-4fd6-ba8c-3c53bdff6231"
META = {
    "name": "plus-one",
    "submitter_name": "admin@nvidia.com",
    "job_id": JOB,
    "submit_time_iso": "2026-11-27T23:32:29.317610+00:00",
    "duration": "1 day, 0:00:14.958804",
    "status": "FINISHED:COMPLETED",
    "job_deploy_detail": ["site-2: OK", "site-1: no GPU"],
}


@pytest.fixture(scope="module")
def kits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return provision(tmp_path_factory.mktemp("kits"), Project("2.9", relay="relay-1")).prod


def store(deployment: Path, name: str = JOB, meta: str = json.dumps(META)) -> Path:
    """Put a job into the job store."""
    file = deployment / "job-store" / "jobs-storage" / name / "meta"
    file.parent.mkdir(parents=True)
    file.write_text(meta)
    return file


def test_from_kits_alone_it_is_one_file_and_nothing_else(kits: Path, tmp_path: Path) -> None:
    before = tree(kits)
    ended = composer("report", kits, cwd=tmp_path, **NO_ENGINE)
    assert (ended.returncode, ended.out) == (0, "")
    assert ended.err == "report.html: fedx, 1 server, 1 relay, 2 sites, 1 admin on this machine\n"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert tree(kits) == before
    text = (tmp_path / "report.html").read_text()
    assert "Nothing is deployed yet" in text
    assert "→ relay-1:18102" in text
    assert "In the images of server1, relay-1, site-1 and 2 more" in text
    assert "-slim-bookworm" in text


def test_with_a_deployment_it_says_what_cannot_be_known_and_holds_no_secret(kits: Path, tmp_path: Path) -> None:
    definition = tmp_path / "composer.yml"
    definition.write_text(
        "image: {environment: {TOKEN: s3cret-of-image}}\n"
        "participants: {site-1: {environment: {PASSWORD: s3cret-of-site}}}\n"
    )
    made = composer("generate", kits, "--ignore", "VALID", "-f", definition, cwd=tmp_path, **NO_ENGINE)
    assert made.returncode == 0, made.err
    store(tmp_path / "deployment")
    ended = composer("report", "-o", "page.html", cwd=tmp_path, **NO_ENGINE)
    assert ended.returncode == 0, ended.err
    text = (tmp_path / "page.html").read_text()
    assert "How they run is not known: " in text
    assert "plus-one" in text
    assert "1 d 0 h" in text
    assert "s3cret" not in text
    keys = [line for key in kits.rglob("*.key") for line in key.read_text().splitlines() if len(line) > 60]
    assert keys
    assert not any(line in text for line in keys)
    assert "BEGIN" not in text


@pytest.mark.parametrize("place", ["report.html", "site-1/report.html", "site-1/startup/x.html"])
def test_it_is_never_written_into_kits(kits: Path, tmp_path: Path, place: str) -> None:
    before = tree(kits)
    ended = composer("report", kits, "-o", kits / place, cwd=tmp_path, **NO_ENGINE)
    assert ended.returncode == 1
    assert "which composer never changes" in ended.err
    assert tree(kits) == before


def test_a_link_to_a_folder_of_kits_does_not_lead_into_them(kits: Path, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(kits / "site-1")
    (tmp_path / "link.html").symlink_to(kits / "site-1" / "report.html")
    for place in ("out/report.html", "link.html"):
        assert composer("report", kits, "-o", place, cwd=tmp_path, **NO_ENGINE).returncode == 1
    assert not (kits / "site-1" / "report.html").exists()


def test_where_it_cannot_be_written_the_former_one_stays(kits: Path, tmp_path: Path) -> None:
    ended = composer("report", kits, "-o", "nowhere/report.html", cwd=tmp_path, **NO_ENGINE)
    assert (ended.returncode, ended.err.splitlines()[0]) == (
        1,
        "error: cannot write nowhere/report.html: its folder is not there",
    )
    (tmp_path / "report.html").mkdir()
    assert composer("report", kits, cwd=tmp_path, **NO_ENGINE).returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_one_that_ends_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.html"
    write_page(report_of(30), file)
    former = file.read_text()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ComposerError, match="No space left"):
        write_page(report_of(3), file)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert file.read_text() == former
    monkeypatch.undo()
    write_page(report_of(3), file)
    assert file.read_text() == render_report(report_of(3))
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_file_of_the_users_is_not_replaced(kits: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.html").write_text("<!DOCTYPE html><p>mine")
    ended = composer("report", kits, "-o", "notes.html", cwd=tmp_path, **NO_ENGINE)
    assert ended.returncode == 1
    assert ended.err.startswith("error: notes.html is there and is no report of composer's\n")
    assert (tmp_path / "notes.html").read_text() == "<!DOCTYPE html><p>mine"
    os.mkfifo(tmp_path / "pipe")
    assert composer("report", kits, "-o", "pipe", cwd=tmp_path, **NO_ENGINE).returncode == 1
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "pipe").unlink()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.html"]


def test_jobs_are_read_as_the_server_has_written_them(tmp_path: Path) -> None:
    store(tmp_path)
    (job,) = read_jobs(tmp_path)
    assert (job.id, job.name, job.submitter, job.completed) == (JOB, "plus-one", "admin@nvidia.com", True)
    assert job.seconds == 86414.958804
    assert job.sites == (("site-1", "no GPU"), ("site-2", "OK"))


def test_a_job_store_of_others_leads_nowhere_and_breaks_nothing(tmp_path: Path) -> None:
    """Links, pipes, huge files and files of any content where a job's description is expected."""
    assert read_jobs(tmp_path) == ()
    secret = tmp_path / "secret"
    secret.write_text(json.dumps({**META, "name": "s3cret"}))
    names = [f"131e808f-75af-4fd6-ba8c-3c53bdff62{n:02}" for n in range(7)]
    for name, meta in zip(
        names, ("", "[1]", "{", '{"name": 5, "duration": [], "job_deploy_detail": [1, "a"]}'), strict=False
    ):
        store(tmp_path, name, meta)
    link = store(tmp_path, names[4])
    link.unlink()
    link.symlink_to(secret)
    pipe = store(tmp_path, names[5])
    pipe.unlink()
    os.mkfifo(pipe)
    store(tmp_path, names[6], "[" * 100_000)
    store(tmp_path, "no-job")
    assert read_jobs(tmp_path) == (Job(names[3], "", "", sites=(("a", ""),)),)
    folder = tmp_path / "job-store" / "jobs-storage"
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        read_jobs(tmp_path)


def test_served_it_can_be_read_until_ctrl_c(kits: Path, tmp_path: Path) -> None:
    argv = [*map(str, COMPOSER), "report", str(kits), "--serve"]
    process = subprocess.Popen(
        argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **NO_ENGINE}
    )
    try:
        assert process.stdout
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", address)
        with urllib.request.urlopen(address) as answer:
            assert "It is made anew every ten seconds." in answer.read().decode()
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == "open that address in a browser on this machine; Ctrl-C ends it\n"
    assert list(tmp_path.iterdir()) == []


def test_it_is_served_or_written(kits: Path, tmp_path: Path) -> None:
    ended = composer("report", kits, "--serve", "-o", "x.html", cwd=tmp_path, **NO_ENGINE)
    assert ended.returncode == 2
    assert "--serve writes no file" in ended.err


def test_what_runs_as_processes_on_one_host_and_as_containers_on_another_is_told_apart(
    kits: Path, tmp_path: Path
) -> None:
    (tmp_path / "composer.yml").write_text(
        "hosts: {desk: {address: 127.0.0.1, endpoint: local}, far: {address: 192.0.2.9, endpoint: 'ssh://a@127.0.0.1:1',"
        " path: /srv/flare, runtime: process}}\nparticipants: {site-2: {host: far}}\n"
    )
    ended = composer("report", kits, cwd=tmp_path, **NO_ENGINE)
    assert ended.returncode == 0, ended.err
    text = (tmp_path / "report.html").read_text()
    assert "In the images of server1, relay-1, site-1, admin@nvidia.com" in text
    assert "In the virtual environments of site-2" in text
    assert "Images and virtual environments and what is in them" in text
    assert "<dd>containers, plain processes</dd>" in text
