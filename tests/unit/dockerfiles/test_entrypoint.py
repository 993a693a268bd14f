"""The containers' entrypoint, where a container is too slow to meet the moment."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from composer.runtimes.state_file import parse_state
from tests.conftest import ROOT, missing, run


def test_a_stop_that_comes_before_the_participant_is_there_ends_it(tmp_path: Path) -> None:
    # The script makes the folder transfer/ just before it starts the participant.
    stubs = {"mkdir": 'kill -TERM "$PPID"\n', "python3": "exec sleep 1000\n"}
    for name, script in stubs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "FLARE_WORKSPACE": str(tmp_path)}
    ended = run(["bash", ROOT / "dockerfiles" / "entrypoint.sh", "server", "module"], env=environment, timeout=60)
    assert ended.returncode == 143, ended.err


@pytest.mark.parametrize("kind", ["client", "relay"])
def test_who_dials_a_server_gives_it_a_head_start(tmp_path: Path, kind: str) -> None:
    stub = tmp_path / "python3"
    stub.write_text(f'#!/bin/sh\ndate +%s%N >"{tmp_path}/dials"\n: >"{tmp_path}/shutdown.fl"\n')
    stub.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "FLARE_WORKSPACE": str(tmp_path)}
    before = time.time_ns()
    ended = run(["bash", ROOT / "dockerfiles" / "entrypoint.sh", kind, "module"], env=environment, timeout=60)
    assert ended.returncode == 0, ended.err
    assert int((tmp_path / "dials").read_text()) - before > 200_000_000


@pytest.mark.parametrize(
    ("kind", "halves"),
    [
        ("client", ("x - Successfully regis", "tered client:site-1\\n")),
        ("client", ("x - Successfully registered client:", "site-1 for project\\n")),
        ("relay", ("x - Successfully authentica", "ted to server1\\n")),
    ],
)
def test_an_acceptance_that_is_written_in_two_halves(tmp_path: Path, kind: str, halves: tuple[str, str]) -> None:
    stub = tmp_path / "python3"
    stub.write_text(f"""#!/bin/bash
printf '{halves[0]}' >>"{tmp_path}/log.txt"
sleep 0.5
printf '{halves[1]}' >>"{tmp_path}/log.txt"
for _ in {{1..50}}; do
    sleep 0.1
    ! grep -q registered "{tmp_path}/composer.state" || break
done
cp "{tmp_path}/composer.state" "{tmp_path}/seen"
: >"{tmp_path}/shutdown.fl"
""")
    stub.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "FLARE_WORKSPACE": str(tmp_path)}
    ended = run(["bash", ROOT / "dockerfiles" / "entrypoint.sh", kind, "module"], env=environment, timeout=60)
    assert ended.returncode == 0, ended.err
    assert (tmp_path / "seen").read_text().startswith("registered ")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A workspace on a disk of its own that can be filled."""
    if os.geteuid() != 0:
        missing("mounting a file system needs root")
    folder = tmp_path / "workspace"
    folder.mkdir()
    assert run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]).returncode == 0
    yield folder
    assert run(["umount", "--lazy", folder]).returncode == 0


# Loads the drivers as NVFLARE does, and logs where it cannot be read, as a participant whose disk is full.
ACCEPTED = """
import importlib.util, logging, os, pathlib, subprocess, sys, time
logging.basicConfig(level=logging.INFO)
spec = importlib.util.spec_from_file_location("acceptance", os.environ["NVFLARE_COMM_DRIVER_PATH"] + "/acceptance.py")
spec.loader.exec_module(importlib.util.module_from_spec(spec))
workspace = pathlib.Path(os.environ["FLARE_WORKSPACE"])

def fill():
    subprocess.run(["dd", "if=/dev/zero", "of=" + str(workspace / "ballast"), "bs=4k"], stderr=subprocess.DEVNULL)

def says(word, seconds=20):
    for _ in range(seconds * 10):
        if (workspace / "composer.state").exists() and (workspace / "composer.state").read_text().startswith(word):
            return (workspace / "composer.state").read_text()
        time.sleep(0.1)
    return "not " + word
"""


def play(disk: Path, kind: str, script: str) -> list[str]:
    """Run the entrypoint around a script in place of NVFLARE; return what the script has found."""
    (disk.parent / "participant.py").write_text(
        f"{ACCEPTED}{script}\n(workspace / 'ballast').unlink()\n(workspace / 'shutdown.fl').touch()\n"
    )
    environment = {"PYTHONPATH": str(disk.parent), "FLARE_WORKSPACE": str(disk), "NVFLARE_DATUM_DIR": f"{disk}/datums"}
    argv = ["bash", ROOT / "dockerfiles" / "entrypoint.sh", kind, "participant"]
    # The entrypoint puts the module's own folder behind a kit's.
    ended = run(argv, env=environment, timeout=120)
    assert ended.returncode == 0, ended.err
    return [line for line in ended.out.splitlines() if not line.startswith("composer: ")]


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [("client", "Successfully registered client:site-1 for project p."), ("relay", "Successfully authenticated to s")],
)
def test_an_acceptance_that_no_log_can_hold(disk: Path, kind: str, accepted: str) -> None:
    """It is told on the full disk already, and stays told when there is room."""
    (said, later) = play(
        disk,
        kind,
        f"assert says('started').startswith('started')\nfill()\nlogging.getLogger('client').info({accepted!r})\n"
        "print(says('registered').strip())\n(workspace / 'ballast').unlink()\nfill()\n"
        "print(says('registered').strip())",
    )
    assert parse_state(said.encode())[0] == "registered"
    assert later == said


def test_a_disk_that_was_full_before_is_told_of_when_there_is_room(disk: Path) -> None:
    run(["dd", "if=/dev/zero", f"of={disk}/early", "bs=4k"])
    said = play(
        disk,
        "client",
        "logging.getLogger('client').info('Successfully registered client:site-1')\n"
        "print(says('registered', 3).strip())\n(workspace / 'early').unlink()\n"
        "print(says('registered').strip())\ntime.sleep(1)\n"
        "print((workspace / 'composer.pid').read_text().strip() == str(os.getpid()))\nfill()",
    )
    assert said[0] == "not registered"
    assert parse_state(said[1].encode())[0] == "registered"
    assert said[2] == "True"


def test_a_shorter_word_leaves_nothing_of_a_longer_one_on_a_full_disk(disk: Path) -> None:
    """An administrator's restart: who was registered is not until it is accepted once more."""
    said = play(
        disk,
        "client",
        "if not (workspace / 'ballast').exists():\n"
        "    logging.getLogger('client').info('Successfully registered client:site-1')\n"
        "    print(says('registered').strip())\n    fill()\n    (workspace / 'restart.fl').touch()\n    sys.exit(0)\n"
        "print(says('started').strip())",
    )
    assert [parse_state(line.encode())[0] for line in said] == ["registered", "started"]


def test_what_a_participant_starts_can_tell_nothing(disk: Path) -> None:
    """A job is other people's code: it inherits neither the pipe nor its name."""
    said = play(
        disk,
        "client",
        'import json\nlook = \'import os, json; print(json.dumps([sorted(os.listdir("/proc/self/fd")), '
        'os.environ.get("FLARE_ACCEPTED")]))\'\n'
        "argv = [sys.executable, '-c', look]\n"
        "print(subprocess.run(argv, close_fds=False, capture_output=True, text=True).stdout.strip())\nfill()",
    )
    descriptors, named = json.loads(said[0])
    assert named is None
    assert "5" not in descriptors


def test_what_is_no_acceptance_is_none(disk: Path) -> None:
    """Who logs it as part of what another one sent says nothing, nor does what is logged below INFO."""
    (said,) = play(
        disk,
        "client",
        "log = logging.getLogger('cell')\nlog.info('received: Successfully registered client:site-1')\n"
        "log.debug('Successfully registered client:site-1')\nlog.info('%s %s', 'too few')\nfill()\n"
        "print(says('registered', 2).strip())",
    )
    assert said == "not registered"


@pytest.mark.parametrize("leaves", ["a file", "a link"])
def test_temporary_files_on_the_disk_begin_empty(tmp_path: Path, leaves: str) -> None:
    workspace, stub, elsewhere = tmp_path / "workspace", tmp_path / "python3", tmp_path / "elsewhere"
    temporary = workspace / "composer.tmp"
    for folder in (workspace, elsewhere):
        folder.mkdir()
    (elsewhere / "kept").touch()
    if leaves == "a link":
        temporary.symlink_to(elsewhere)
    else:
        temporary.mkdir()
        (temporary / "old").touch()
    stub.write_text(f'#!/bin/sh\nls -A "$TMPDIR" >"{tmp_path}/seen"; : >"$TMPDIR/new"; : >"{workspace}/shutdown.fl"\n')
    stub.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "FLARE_WORKSPACE": str(workspace)}
    environment["TMPDIR"] = str(temporary)
    ended = run(["bash", ROOT / "dockerfiles" / "entrypoint.sh", "server", "module"], env=environment, timeout=60)
    assert ended.returncode == 0, ended.err
    assert (tmp_path / "seen").read_text() == ""
    assert not temporary.is_symlink()
    assert list(elsewhere.iterdir()) == [elsewhere / "kept"]
