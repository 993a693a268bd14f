"""Signals end a command with their own exit status, and without a traceback, whenever they come."""

from __future__ import annotations

import fcntl
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import COMPOSER, ROOT, Child, composer, run
from tests.signals import SEED
from tests.terminal import on_terminal

START_ROUNDS = 2 * int(os.environ.get("COMPOSER_SIGNAL_ROUNDS", "20"))
ENDS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@contextmanager
def waiting(kits: Path, deployment: Path, *before: str) -> Iterator[subprocess.Popen[str]]:
    """Lend a composer that waits for another one, whose lock the test holds."""
    assert composer("generate", kits, "-C", deployment).returncode == 0
    with (deployment / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        argv = [*before, *COMPOSER, "generate", "--wait", str(kits), "-C", str(deployment)]
        with Child(argv, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
            assert process.stderr
            assert "Waiting for" in process.stderr.readline()
            yield process


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
    with Child([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
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
    with Child([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "in\n"
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        for number in (signal.SIGINT, signal.SIGHUP):
            process.send_signal(number)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 143
    assert out.splitlines() == ["please wait", "ended"]


@pytest.mark.parametrize("around", ["contextlib.nullcontext()", "signals.raised_once(lambda: print('please wait'))"])
def test_a_signal_that_comes_while_python_cleans_up_is_not_lost(around: str) -> None:
    """Python only tells what is raised in a destructor, or in a weak reference's callback, and goes on."""
    script = (
        "import contextlib, os, signal, sys, time\nfrom composer.system import signals\nsignals.install()\n"
        "class Dying:\n    def __del__(self):\n        os.kill(os.getpid(), signal.SIGTERM)\n        time.sleep(0.01)\n"
        f"try:\n    with {around}:\n        Dying()\n        time.sleep(20)\n"
        "except signals.Signalled as ended:\n    sys.exit(ended.exit_code)\n"
    )
    ended = run([sys.executable, "-c", script], timeout=60)
    assert (ended.returncode, ended.out, ended.err) == (143, "", "")


# Python's own start, in which nobody else can act: its frames, and the first line of ours that it comes to.
PYTHONS = re.compile(r'File "(<frozen |<string>|.*/lib/python3|.*/bin/composer", line \d+, in <module>$)')
OURS = ROOT / "flare_composer" / "__init__.py"
BEGINS = next((n for n, line in enumerate(OURS.read_text().splitlines(), 1) if "_signal.signal(" in line), 0)


@pytest.mark.nvflare
def test_an_interrupt_at_any_moment_of_the_start_prints_no_traceback(prod_00: Path, tmp_path: Path) -> None:
    """In the first hundredth of a second Python itself starts, and tells of a Ctrl-C in its own way."""
    deployment = tmp_path / "deployment"
    assert composer("generate", prod_00, "-C", deployment).returncode == 0
    # What measures the lines that are run begins before composer, and loses a Ctrl-C that comes to it.
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    # A command that waits cannot end before the signal comes, however slow the machine is.
    argv = [Path(sys.executable).with_name("composer"), "generate", "--wait", prod_00, "-C", deployment]
    with (deployment / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for number in range(START_ROUNDS):
            moment = random.Random(f"{SEED}/start/{number}").uniform(0, 0.06)
            with Child(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=unmeasured,
            ) as process:
                time.sleep(moment)
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=30)
            told = f"seed {SEED}, round {number}, {moment * 1000:.1f} ms: {out}{err}"
            if "Traceback" in err or "Fatal Python error" in err:
                frames = [line.strip() for line in err.splitlines() if line.startswith("  File ")]
                assert all(PYTHONS.match(one) or _begins(one) for one in frames), told
                continue
            assert process.returncode in (-signal.SIGINT, 130), told
            assert err.endswith("error: interrupted\n") or process.returncode != 130, told


def _begins(frame: str) -> bool:
    """Tell whether it is of the lines after which a Ctrl-C just ends the command."""
    found = re.match(rf'File "{re.escape(str(OURS))}", line (\d+)', frame)
    return found is not None and int(found[1]) <= BEGINS


@pytest.mark.nvflare
def test_a_terminal_that_is_closed_ends_a_command_as_a_signal_does(prod_00: Path, tmp_path: Path) -> None:
    """What it says then goes to a terminal that is not there any more."""
    deployment = tmp_path / "deployment"
    assert composer("generate", prod_00, "-C", deployment).returncode == 0
    with (deployment / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with on_terminal([*COMPOSER, "generate", "--wait", prod_00, "-C", deployment]) as one:
            one.read_until("Waiting for")
            one.close()
            assert one.process.wait(20) == 129
