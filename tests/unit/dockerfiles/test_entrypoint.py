"""The containers' entrypoint, where a container is too slow to meet the moment."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, run


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
