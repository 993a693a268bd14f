"""Signals end a command with their own exit status, and without a traceback, whenever they come."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import COMPOSER, composer

ENDS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@contextmanager
def waiting(kits: Path, deployment: Path, *before: str) -> Iterator[subprocess.Popen[str]]:
    """Lend a composer that waits for another one, whose lock the test holds."""
    assert composer("generate", kits, "-C", deployment).returncode == 0
    with (deployment / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        argv = [*before, *COMPOSER, "generate", "--wait", str(kits), "-C", str(deployment)]
        with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
            try:
                assert process.stderr
                assert "Waiting for" in process.stderr.readline()
                yield process
            finally:
                process.kill()


@pytest.mark.nvflare
@pytest.mark.parametrize(("number", "status"), ENDS)
def test_each_signal_has_its_exit_status(number: int, status: int, prod_00: Path, tmp_path: Path) -> None:
    with waiting(prod_00, tmp_path / "deployment") as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert process.returncode == status
    assert "Traceback" not in err
    assert "error: " in err


@pytest.mark.nvflare
@pytest.mark.parametrize(("number", "status"), ENDS)
def test_signals_that_come_while_the_first_is_told_change_nothing(
    number: int, status: int, prod_00: Path, tmp_path: Path
) -> None:
    with waiting(prod_00, tmp_path / "deployment") as process:
        while process.poll() is None:
            process.send_signal(number)
            time.sleep(0.0005)
        _, err = process.communicate(timeout=20)
    assert process.returncode == status, err
    assert "Aborted" not in err
    assert err.count("error: ") <= 1


@pytest.mark.nvflare
def test_what_nohup_ignores_stays_ignored(prod_00: Path, tmp_path: Path) -> None:
    with waiting(prod_00, tmp_path / "deployment", "nohup") as process:
        process.send_signal(signal.SIGHUP)
        # Had the first one been taken, it would be that one's status.
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 143


@pytest.mark.parametrize(("number", "status"), ENDS)
def test_a_signal_while_composer_is_being_imported_prints_no_traceback(
    number: int, status: int, tmp_path: Path
) -> None:
    # click is imported by whatever comes first after the handlers are there.
    (tmp_path / "click.py").write_text(f"import os, time\nos.kill(os.getpid(), {int(number)})\ntime.sleep(5)\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(
        [*COMPOSER, "--version"], env=environment, capture_output=True, text=True, check=False, timeout=30
    )
    # By composer itself, or by the kernel: a shell says the same of both.
    assert ended.returncode in (status, -number)
    assert ended.stderr == ""


@pytest.mark.parametrize(("number", "status"), ENDS[1:])
def test_what_runs_on_composers_own_terminal_is_ended_with_it(number: int, status: int, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom composer.system import signals\nsignals.install()\n"
        "from composer.model.command import Command\nfrom composer.system.process import attach\n"
        "try:\n    attach(Command(('sh', '-c', 'echo $$; exec sleep 1000')))\n"
        "except signals.Signalled as ended:\n    sys.exit(ended.exit_code)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        child = int(process.stdout.readline())
        process.send_signal(number)
        assert process.wait(20) == status
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_the_second_signal_waits_until_what_the_first_interrupted_has_ended(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom composer.system import signals\nsignals.install()\n"
        "from composer.model.command import Command\nfrom composer.system.process import stream\n"
        f"child = \"trap 'sleep 1; echo ended >{tmp_path}/ended; exit 1' TERM; echo in; while :; do sleep 0.1; done\"\n"
        "try:\n    with signals.raised_once(lambda: print('please wait', flush=True)):\n"
        "        try:\n            stream(Command(('sh', '-c', child)), lambda line: print(line, flush=True))\n"
        f"        finally:\n            print(open('{tmp_path}/ended').read(), end='', flush=True)\n"
        "except signals.Signalled as first:\n    sys.exit(first.exit_code)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "in\n"
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        for number in (signal.SIGINT, signal.SIGHUP):
            process.send_signal(number)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 143
    assert out.splitlines() == ["please wait", "ended"]
