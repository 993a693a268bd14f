"""What a job may leave in its workspace harms nobody: links, pipes, devices, huge and malformed files, odd folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import COMPOSER, Deployment, docker, eventually, missing, run, tree

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]

# More than composer needs for three participants, and far less than a file of job code may claim to hold.
MEMORY = 600_000 * 1024
VICTIM = "a file of the operator's\n"
# What a job does to a file that composer reads, as shell in the participant's own container; $1 is the file.
HARMS = {
    "a pipe": 'rm -rf "$1"; mkfifo "$1"',
    "a link to a device": 'rm -rf "$1"; ln -s /dev/zero "$1"',
    "a link to nowhere": 'rm -rf "$1"; ln -s /nope "$1"',
    "a link to the operator's file": 'rm -rf "$1"; ln -s "$2" "$1"',
    "a huge file": 'rm -rf "$1"; truncate -s 40G "$1"',
    "a folder": 'rm -rf "$1"; mkdir "$1"',
    "a closed folder": 'rm -rf "$1"; mkdir -p "$1/in/side"; chmod 000 "$1/in" "$1"',
    "a time without its zone": 'rm -rf "$1"; printf "registered 2026-01-01T00:00:00" >"$1"',
    "no text": 'rm -rf "$1"; head -c 4000 /dev/urandom >"$1"',
}
# Looks at a deployment here as at one on another host, all of whose files come through its engine.
THROUGH_THE_ENGINE = """
import json, sys
from datetime import datetime, timezone
from pathlib import Path
from composer.deployment.manifest import parse_manifest
from composer.hosts.traces import There
from composer.runtimes.engine import connect
from composer.runtimes.observe import view
folder, engine = Path(sys.argv[1]), connect()
manifest = parse_manifest((folder / "manifest.json").read_text(), folder / "manifest.json")
seen = view(engine, manifest, folder, datetime.now(timezone.utc), There(engine))
print(json.dumps({one.name: one.registered for one in seen.participants}))
"""


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A folder of the operator's that must stay as it is, owner and all."""
    folder = tmp_path / "victim"
    folder.mkdir(mode=0o700)
    (folder / "secret").write_text(VICTIM)
    before = tree(folder), folder.stat().st_uid, folder.stat().st_mode
    yield folder
    assert (tree(folder), folder.stat().st_uid, folder.stat().st_mode) == before


def in_job(deployment: Deployment, service: str, script: str, *arguments: str) -> None:
    """Run a script as job code of a participant would."""
    docker("exec", deployment.container(service), "sh", "-c", f"cd /workspace && {script}", "sh", *arguments)


def bounded(deployment: Deployment, command: str, *arguments: str, kits: bool = False) -> tuple[int, str]:
    """Run composer in little memory and time; return its status and all that it wrote."""
    given = [str(deployment.kits)] if kits else []
    chosen = ["-f", str(deployment.definition)] if kits and deployment.definition else []
    argv = [*COMPOSER, command, *given, "-C", str(deployment.folder), *chosen, *arguments]
    # Docker's own commands, which other verbs run, ask for more address space than they use.
    limit = ["prlimit", f"--as={MEMORY}", "--"] if command == "status" else []
    ended = run([*limit, *argv], timeout=120)
    assert "Traceback" not in ended.err, ended.err
    assert "Memory" not in ended.err, ended.err
    assert VICTIM.strip() not in ended.out + ended.err
    return ended.returncode, ended.out + ended.err


@pytest.fixture
def mended(federation: Deployment) -> Iterator[Deployment]:
    """The federation, and what composer.state was afterwards again."""
    yield federation
    for service in ("server1", "site-1"):
        docker("restart", "--time", "5", federation.container(service))
    eventually(lambda: bool(federation.status()["healthy"]))


def rows(deployment: Deployment) -> dict[str, bool]:
    status, said = bounded(deployment, "status", "--json")
    assert status in (0, 3)
    return {row["name"]: row["registered"] for row in json.loads(said)["participants"]}


def test_no_file_of_a_job_keeps_status_from_being_told(mended: Deployment, victim: Path) -> None:
    opened = '[ -L "$1" ] || [ ! -d "$1" ] || chmod -R u+rwX "$1"; '
    for harm, script in HARMS.items():
        in_job(mended, "site-1", opened + script, "composer.state", str(victim / "secret"))
        seen = rows(mended)
        assert seen == {"server1": True, "site-1": False, "site-2": True}, harm
        status, said = bounded(mended, "status")
        assert status == 3, harm
        assert all(name in said for name in seen), harm
    for harm in ("a pipe", "a link to a device", "a huge file"):
        for name in ("log.txt", "log.json"):
            in_job(mended, "server1", HARMS[harm], name, str(victim / "secret"))
            assert rows(mended)["site-2"], (harm, name)


def test_no_file_of_a_job_keeps_another_host_from_being_looked_at(mended: Deployment, victim: Path) -> None:
    opened = '[ -L "$1" ] || [ ! -d "$1" ] || chmod -R u+rwX "$1"; '
    look = ["prlimit", f"--as={MEMORY}", "--", sys.executable, "-W", "ignore", "-c", THROUGH_THE_ENGINE]
    for harm, script in HARMS.items():
        in_job(mended, "site-1", opened + script, "composer.state", str(victim / "secret"))
        ended = run([*look, str(mended.folder)], timeout=60)
        assert ended.returncode == 0, (harm, ended.err)
        assert json.loads(ended.out) == {"server1": True, "site-1": False, "site-2": True}, harm


@pytest.mark.parametrize("command", ["generate", "diff", "doctor", "images", "up"])
def test_every_verb_ends(mended: Deployment, victim: Path, command: str) -> None:
    in_job(mended, "site-1", HARMS["a pipe"], "composer.state")
    in_job(mended, "site-1", f"rm -rf transfer && ln -s {victim} transfer")
    in_job(mended, "server1", HARMS["a pipe"], "log.txt")
    arguments = ("--timeout", "3") if command == "up" else ()
    status, said = bounded(mended, command, *arguments, kits=command != "images")
    assert status in (0, 3), said


def test_a_site_comes_back_over_whatever_a_job_has_left(mended: Deployment) -> None:
    names = ("log.txt", "composer.state", ".composer.state", "composer.pid", "restart.fl")
    for name in names:
        in_job(mended, "site-1", HARMS["a pipe"] if name.endswith("e") else HARMS["a folder"], name)
    in_job(mended, "site-1", HARMS["a pipe"], "log.txt")
    # NVFLARE opens these itself.
    for name in ("log.json", "audit.log"):
        in_job(mended, "site-1", HARMS["a pipe"], name)
    in_job(mended, "site-1", HARMS["a closed folder"], "error_log.txt")
    in_job(mended, "site-1", HARMS["a link to nowhere"], "log_fl.txt")
    for name in ("_process_rc.txt", "transfer"):
        in_job(mended, "site-1", HARMS["a closed folder"], name)
    # A server has a file of the clients that are disabled, too.
    in_job(mended, "server1", HARMS["a pipe"], "audit.log")
    in_job(mended, "server1", HARMS["a closed folder"], "disabled_clients.json")
    in_job(mended, "site-1", 'echo "raise SystemExit(9)" >json.py')
    for service in ("server1", "site-1"):
        docker("restart", "--time", "5", mended.container(service))
    eventually(lambda: bool(mended.status()["healthy"]))
    in_job(mended, "site-1", "rm json.py")
    said = run(["docker", "logs", mended.container("site-1")]).err
    for name in ("log.txt", "log.json", "audit.log", "error_log.txt", "log_fl.txt"):
        assert f"removing {name}, which a job has put in place of a file" in said
        # NVFLARE makes the last one when it has something for it.
        in_job(mended, "site-1", '[ ! -L "$1" ] && { [ ! -e "$1" ] || [ -f "$1" ]; }', name)


def test_nobody_is_given_what_a_link_leads_to(mended: Deployment, victim: Path, tmp_path: Path) -> None:
    """As root, with kits of an ordinary user, composer makes the participants' folders theirs."""
    if os.geteuid() != 0:
        missing("giving folders away needs root")
    kits = tmp_path / "kits"
    subprocess.run(["cp", "-a", str(mended.kits), str(kits)], check=True)
    subprocess.run(["chown", "-R", "12345:12345", str(kits)], check=True)
    folder = tmp_path / "deployment"
    assert run([*COMPOSER, "generate", kits, "-C", folder]).returncode == 0
    transfer = folder / "workspaces" / "site-1" / "transfer"
    transfer.rmdir()
    transfer.symlink_to(victim)
    assert run([*COMPOSER, "generate", kits, "-C", folder]).returncode == 0
    assert transfer.is_dir()
    assert not transfer.is_symlink()
    assert transfer.stat().st_uid == 12345
