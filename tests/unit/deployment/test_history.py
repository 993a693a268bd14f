"""Each change of a deployment leaves a line of who did what, when, and how it ended."""

from __future__ import annotations

import json
import stat
from datetime import datetime, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner

from composer.cli import show
from composer.deployment.history import recorded
from composer.model.errors import ComposerError
from composer.system.signals import Signalled
from composer.usecases.down import down
from composer.usecases.history import history
from composer.usecases.inputs import Inputs, deployed
from composer.usecases.membership import parted
from composer.usecases.participants import restart, start, stop
from composer.usecases.up import up
from tests.fakes.lifecycle import InMemory, Memory
from tests.kitmaker import provision, to_be_run


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory()
    for module in ("up", "down", "participants"):
        monkeypatch.setattr(f"composer.usecases.{module}.lifecycle_of", lambda _, folder: InMemory(memory, folder))
    return memory


@pytest.fixture
def inputs(memory: Memory, tmp_path: Path) -> Inputs:
    assert memory.running == set()
    chosen = Inputs((provision(tmp_path, to_be_run()).prod,), None, tmp_path / "deployment")
    up(chosen)
    return chosen


def file_of(inputs: Inputs) -> Path:
    return inputs.deployment / ".history" / "changes.jsonl"


def test_each_verb_is_one_line(inputs: Inputs, memory: Memory) -> None:
    folder = inputs.deployment
    stop(folder, ["site-2"])
    start(folder, ["site-2"])
    restart(folder, ["site-1"])
    leaving = parted(folder, ["site-2"], inputs)
    up(leaving.inputs, leaving=leaving.names)
    down(folder)
    done = history(folder)
    assert [(one.started, one.restarted, one.stopped) for one in done] == [
        (("server1", "site-1", "site-2"), {}, ()),
        ((), {}, ("site-2",)),
        (("site-2",), {}, ()),
        ((), {"site-1": "it was asked for"}, ()),
        ((), {}, ("site-2",)),
        ((), {}, ("server1", "site-1")),
    ]
    assert {one.ended for one in done} == {"done"}
    assert all(abs((datetime.now(timezone.utc) - one.at).total_seconds()) < 300 for one in done)
    assert [sorted(one.participants) for one in done][4:] == [["site-2"], ["server1", "site-1"]]
    assert done[0].participants["site-1"]["nvflare"].startswith("2.9")
    # They are of a program that calls the Python API, not of a command.
    assert done[0].command == "up() of the Python API"
    assert stat.S_IMODE(file_of(inputs).stat().st_mode) == 0o600
    assert stat.S_IMODE(file_of(inputs).parent.stat().st_mode) == 0o700


def test_what_changes_nothing_leaves_nothing(inputs: Inputs) -> None:
    before = file_of(inputs).read_bytes()
    up(inputs)
    start(inputs.deployment)
    assert file_of(inputs).read_bytes() == before


@pytest.mark.parametrize(
    ("raised", "ended"),
    [(ComposerError("the disk is full\nand more", "make room"), "the disk is full"), (Signalled(15), "interrupted")],
)
def test_what_goes_wrong_is_recorded(inputs: Inputs, memory: Memory, raised: BaseException, ended: str) -> None:
    down(inputs.deployment)
    memory.fails = {"start": raised}
    with pytest.raises(type(raised)):
        up(inputs)
    last = history(inputs.deployment)[-1]
    assert (last.ended, last.started) == (ended, ("server1", "site-1", "site-2"))


def test_a_line_that_was_cut_spoils_no_other(inputs: Inputs) -> None:
    whole = file_of(inputs).read_bytes()
    file_of(inputs).write_bytes(whole + whole[:40])
    down(inputs.deployment)
    assert [one.stopped for one in history(inputs.deployment)] == [(), ("server1", "site-1", "site-2")]


@pytest.mark.parametrize("line", ["[]", '{"at": 3}', '{"at": "2026-01-01"}', "\x1b[2J", '{"started": 3}'])
def test_lines_without_sense_are_left_out(inputs: Inputs, line: str) -> None:
    with file_of(inputs).open("a") as file:
        file.write(f"{line}\n")
    assert len(history(inputs.deployment)) == 1


def test_down_needs_no_history(inputs: Inputs, memory: Memory) -> None:
    file_of(inputs).unlink()
    file_of(inputs).parent.rmdir()
    file_of(inputs).parent.write_text("in the way")
    down(inputs.deployment)
    assert memory.running == set()


def test_a_link_is_not_written_through(inputs: Inputs, tmp_path: Path) -> None:
    file_of(inputs).unlink()
    file_of(inputs).symlink_to(tmp_path / "elsewhere")
    with recorded(inputs.deployment, "up", deployed(inputs.deployment)) as deeds:
        deeds.stopped = ("site-1",)
    assert not (tmp_path / "elsewhere").exists()


def test_people_and_programs_read_it(inputs: Inputs) -> None:
    down(inputs.deployment)
    shown = CliRunner().invoke(show.history, ["-C", str(inputs.deployment), "-n", "1"])
    assert shown.exit_code == 0
    assert "stopped server1, site-1, site-2" in shown.output
    assert "started" not in shown.output
    printed = CliRunner().invoke(show.history, ["-C", str(inputs.deployment), "--json"])
    changes = json.loads(printed.stdout)["changes"]
    assert [change["ended"] for change in changes] == ["done", "done"]
    assert changes[0]["started"] == ["server1", "site-1", "site-2"]


def test_purge_takes_it_along(inputs: Inputs) -> None:
    down(inputs.deployment, purge=True, confirm=lambda _: True)
    assert not inputs.deployment.exists()
