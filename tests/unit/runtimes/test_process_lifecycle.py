"""What is asked of a folder of plain processes, step by step, wherever it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.model.errors import ComposerError
from composer.model.kinds import ParticipantType
from composer.runtimes.process_lifecycle import ProcessLifecycle
from tests.fakes.reporter import Heard
from tests.fakes.run_folder import MemoryFolder

NOW = datetime(2026, 11, 28, tzinfo=timezone.utc)
KILLED = "its supervisor was killed, or its machine was restarted"
VENV = "venvs/2.9.0-0123abcd"


def participant(name: str, kind: ParticipantType = "client") -> DeployedParticipant:
    return DeployedParticipant(
        name, kind, name, Path(name), "", "", 0, "", "mtls", (), VENV, "", "", "", "", NOW, "ward"
    )


MANIFEST = Manifest("1", "far", "far", (), None, (participant("site-1"), participant("site-2")), {}, runtime="process")


@pytest.fixture
def folder() -> MemoryFolder:
    return MemoryFolder()


def lifecycle(folder: MemoryFolder, deployment: Path = Path("/nowhere")) -> ProcessLifecycle:
    return ProcessLifecycle(deployment, folder)


def test_environments_that_are_missing_are_made_once(folder: MemoryFolder) -> None:
    assert lifecycle(folder).stale(MANIFEST) == ("site-1", "site-2")
    heard = Heard()
    assert lifecycle(folder).build(None, MANIFEST, heard, False, False) == ("site-1", "site-2")  # type: ignore[arg-type]
    assert (folder.asked, heard.steps) == (["venv.sh"], ["Installing NVFLARE"])
    folder.environments.add(VENV)
    assert lifecycle(folder).build(None, MANIFEST, heard, False, False) == ()  # type: ignore[arg-type]
    assert folder.asked == ["venv.sh"]


def test_the_users_own_environment_is_never_made_and_looked_at_each_time(folder: MemoryFolder) -> None:
    own = replace(MANIFEST, participants=(replace(participant("site-1"), image="/opt/flare"), participant("site-2")))
    folder.environments.add(VENV)
    heard = Heard()
    assert lifecycle(folder).stale(own) == ()
    assert lifecycle(folder).build(None, own, heard, False, False) == ()  # type: ignore[arg-type]
    assert (folder.asked, heard.steps) == (["venv.sh"], ["Looking into /opt/flare"])
    folder.fails = {"venv.sh": ComposerError("the Python environment /opt/flare has no NVFLARE", "")}
    with pytest.raises(ComposerError, match="has no NVFLARE"):
        lifecycle(folder).build(None, own, heard, False, False)  # type: ignore[arg-type]


def test_who_is_started_anew_is_known_and_who_is_ended_is_said_before(folder: MemoryFolder) -> None:
    folder.living = ["site-1", "site-9"]
    folder.says = "changed\x1fits kit has changed\x1fkit=1\nabsent\x1f\x1fkit=2\n"
    heard = Heard()
    assert lifecycle(folder).changes(MANIFEST, {}) == {"site-1": "its kit has changed"}
    folder.asked.clear()
    lifecycle(folder).start(MANIFEST, heard)
    assert heard.steps == ["Stopping site-9: it is not in the deployment any more"]
    assert [asked.split()[0] for asked in folder.asked] == ["start.sh"]


def test_some_are_started_and_stopped_alone(folder: MemoryFolder) -> None:
    one = MANIFEST.only(["site-2"])
    lifecycle(folder).stop_only(one, Heard(), remain=False)
    lifecycle(folder).start_only(one, Heard())
    assert folder.asked == ["stop.sh site-2", "start.sh --no-wait site-2"]


def test_what_was_started_is_taken_back_and_what_ran_comes_back(folder: MemoryFolder) -> None:
    folder.living, folder.kept = ["site-1"], ["site-1"]
    one = lifecycle(folder)
    assert one.remember().names == ("site-1",)
    one.roll_back(MANIFEST, Heard())
    assert folder.asked == ["stop.sh site-2", "start.sh --bring-back site-1", "forget"]


@pytest.mark.parametrize("failing", ["stop.sh", "start.sh"])
def test_one_step_back_that_fails_keeps_no_other_from_being_taken(folder: MemoryFolder, failing: str) -> None:
    folder.kept = ["site-1"]
    folder.fails = {failing: ComposerError("the disk is full", "make room")}
    heard = Heard()
    lifecycle(folder).roll_back(MANIFEST, heard)
    assert folder.asked == ["stop.sh site-1 site-2", "start.sh --bring-back site-1", "forget"]
    assert len(heard.warnings) == 1
    assert "the disk is full" in heard.warnings[0]


def test_everybody_is_ended_by_the_folders_script_and_by_composers_own_program(folder: MemoryFolder) -> None:
    folder.says = "1234\n"
    heard = Heard()
    lifecycle(folder).stop(MANIFEST, heard, dry_run=False)
    assert folder.asked == ["processes.py jobs workspaces site-1 site-2", "stop.sh", "processes.py stop workspaces"]
    assert heard.warnings == ["job 1234 has not ended, and ends now without a result"]


def test_who_cannot_say_which_jobs_run_is_stopped_all_the_same(folder: MemoryFolder) -> None:
    folder.fails = {"processes.py": ComposerError("there is no Python", "")}
    with pytest.raises(ComposerError, match="there is no Python"):
        lifecycle(folder).stop(MANIFEST, Heard(), dry_run=False)
    assert "stop.sh" in folder.asked


def test_a_place_that_is_left_needs_no_script(folder: MemoryFolder) -> None:
    folder.fails = {"stop.sh": ComposerError("it is gone", "")}
    lifecycle(folder).leave(MANIFEST)
    assert folder.asked == ["processes.py stop workspaces"]


def test_who_leaves_can_be_brought_back_or_forgotten(folder: MemoryFolder) -> None:
    folder.living = ["site-2", "site-9"]
    known, stranger = lifecycle(folder).occupants(MANIFEST)
    assert (known.participant, known.id, known.ran, stranger.participant) == ("site-2", "site-2", True, "site-9")
    known.stop()
    assert known.bring_back() == ""
    known.remove()
    assert folder.asked == ["stop.sh --keep-former site-2", "start.sh --bring-back site-2", "forget"]


def test_settings_that_are_about_to_change_are_told(folder: MemoryFolder, tmp_path: Path) -> None:
    (tmp_path / "participants").mkdir()
    for name in ("site-1", "site-2"):
        (tmp_path / "participants" / f"{name}.conf").write_text("name=1\n")
    coming = {"participants/site-1.conf": b"name=1\n", "participants/site-2.conf": b"name=2\n"}
    assert lifecycle(folder, tmp_path).changes(MANIFEST, coming) == {"site-2": "its settings have changed"}


@pytest.mark.parametrize(
    ("state", "living", "expected"),
    [
        (b"registered 2026-11-28T00:00:00Z\n", True, ("running", True, "")),
        (b"started 2026-11-28T00:00:00Z\n", True, ("running", False, "")),
        (b"restarting 2026-11-28T00:00:00Z\n", True, ("restarting", False, "it has crashed")),
        (b"stopped 2026-11-28T00:00:00Z\n", False, ("stopped", False, "shut down by an administrator")),
        (b"registered 2026-11-28T00:00:00Z\n", False, ("exited", False, KILLED)),
        (b"what a job wrote\n", True, ("running", False, "")),
        (b"", False, ("absent", False, "")),
    ],
)  # fmt: skip
def test_what_a_workspace_says_is_what_is_seen(
    folder: MemoryFolder, state: bytes, living: bool, expected: tuple[str, bool, str]
) -> None:
    folder.files = {"site-1/composer.state": state, "site-1/composer.restarts": b"2\n"}
    folder.living = ["site-1"] if living else []
    seen = lifecycle(folder).watched(MANIFEST).observe(NOW).participants[0]
    assert (seen.state, seen.registered, seen.detail) == expected
    assert (seen.restarts, seen.host) == (2, "ward")


def test_why_somebody_is_not_well_is_found_out_there(folder: MemoryFolder) -> None:
    folder.living, folder.trouble = ["site-1", "site-9"], "server1:8002: port: nobody listens"
    folder.files = {"site-1/composer.state": b"started 2026-11-28T00:00:00Z\n"}
    folder.others = {"site-2": "alice"}
    folder.says = "running\x1f\x1fkit=1\nabsent\x1f\x1fkit=2\n"
    seen = {one.name: one for one in lifecycle(folder).watched(MANIFEST).examine(NOW).participants}
    assert seen["site-1"].detail == "not registered yet; server1:8002: port: nobody listens"
    assert seen["site-2"].detail.startswith("runs as another user (alice)")
    assert (seen["site-9"].host, "is not in this deployment any more" in seen["site-9"].detail) == ("ward", True)
