"""What a participant was started from: `up` starts those anew who run from something else than there is now."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Deployment, Ended, composer, eventually, free_port, nvflare, provision, tree
from tests.process.conftest import members

pytestmark = pytest.mark.nvflare

PARTICIPANTS = ("server1", "site-1", "site-2")
SECRET = "hunter2-of-the-operators-shell"
# A value that is secret comes and goes as all others do, back to the former one where a start fails, too.
GREEN = "{site-1: {env_file: colour.env}}"


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A federation of processes whose kits and definition the tests change, started from a shell with a secret."""
    folder = tmp_path_factory.mktemp("changing")
    kits = provision(folder, "changing", free_port())
    definition = folder / "composer.yml"
    (folder / "colour.env").write_text("COLOUR=green\n")
    (folder / "colour.env").chmod(0o600)
    environment = {"DOCKER_HOST": f"unix://{folder}/none.sock", "HF_TOKEN": SECRET, "NVIDIA_API_KEY": SECRET}
    one = Deployment(folder / "deployment", kits, definition, environment)
    ended = up(one, "{}")
    assert ended.returncode == 0, ended.err
    yield one
    one.run("down")


def up(one: Deployment, participants: str, *options: str, command: str = "up") -> Ended:
    """Have composer.yml say this of the participants, and `up`."""
    assert one.definition
    kits = ", ".join(str(kit) for kit in sorted(one.kits.iterdir()) if (kit / "startup").is_dir())
    one.definition.write_text(f"runtime: process\nkits: [{kits}]\nparticipants: {participants}\n")
    return composer(command, "-f", one.definition, "-C", one.folder, *options, **one.environment)


def supervisors(one: Deployment) -> dict[str, set[int]]:
    found = {}
    for name in PARTICIPANTS:
        workspace = one.folder / "workspaces" / name
        pid = workspace / "composer.supervisor"
        found[name] = {int(pid.read_text())} & set(members(workspace)) if pid.exists() else set()
    return found


def environments(one: Deployment, name: str) -> list[bytes]:
    found = []
    for pid in members(one.folder / "workspaces" / name):
        # One that has ended meanwhile has none.
        try:
            found.append(Path("/proc", str(pid), "environ").read_bytes())
        except OSError:
            continue
    return found


def row(one: Deployment, name: str) -> dict[str, object]:
    return next(row for row in one.status()["participants"] if row["name"] == name)


def test_no_participant_and_no_job_has_the_environment_of_who_started_it(changing: Deployment) -> None:
    submitted = nvflare(changing, "job", "submit", "-j", "examples/quickstart/job")

    def workers(name: str) -> bool:
        commands = [Path(f"/proc/{pid}/cmdline") for pid in members(changing.folder / "workspaces" / name)]
        return any(b"client.worker_process" in command.read_bytes() for command in commands if command.exists())

    eventually(lambda: workers("site-1") and workers("site-2"))
    seen = [environment for name in PARTICIPANTS for environment in environments(changing, name)]
    assert len(seen) > len(PARTICIPANTS) * 2
    assert [environment for environment in seen if SECRET.encode() in environment] == []
    assert all(b"HOME=" in environment for environment in seen)
    nvflare(changing, "job", "abort", submitted["job_id"], "--force")


def test_whose_settings_change_is_started_anew_and_nobody_else(changing: Deployment) -> None:
    before = supervisors(changing)
    assert up(changing, GREEN, command="generate").returncode == 0
    assert row(changing, "site-1")["drift"] == "its settings have changed"
    assert row(changing, "site-2")["drift"] == ""
    ended = up(changing, GREEN)
    assert ended.returncode == 0, ended.err
    assert "site-1 is restarted: its settings have changed" in ended.err
    after = supervisors(changing)
    assert not before["site-1"] & after["site-1"]
    assert (before["server1"], before["site-2"]) == (after["server1"], after["site-2"])
    assert all(b"COLOUR=green" in environment for environment in environments(changing, "site-1"))
    others = [one for name in ("server1", "site-2") for one in environments(changing, name)]
    assert not any(b"COLOUR" in environment for environment in others)
    assert row(changing, "site-1")["drift"] == ""


def test_whose_kit_or_local_files_change_is_started_anew(changing: Deployment) -> None:
    before = supervisors(changing)
    (changing.kits / "site-2" / "startup" / "notes.txt").write_text("what a site's administrator has added\n")
    (changing.kits.parent / "rules").mkdir()
    (changing.kits.parent / "rules" / "privacy.json").write_text("{}\n")
    participants = f"{{site-1: {{env_file: colour.env, local: {changing.kits.parent}/rules}}}}"
    ended = up(changing, participants)
    assert ended.returncode == 0, ended.err
    assert "site-2 is restarted: its kit has changed" in ended.err
    assert "site-1 is restarted: " in ended.err
    assert "its local files have changed" in ended.err
    assert "server1 is restarted" not in ended.err
    assert supervisors(changing)["server1"] == before["server1"]
    assert (changing.folder / "workspaces" / "site-1" / "local" / "privacy.json").read_text() == "{}\n"
    (changing.kits.parent / "rules" / "privacy.json").write_text("{ }\n")
    assert up(changing, participants).returncode == 0
    assert (changing.folder / "workspaces" / "site-1" / "local" / "privacy.json").read_text() == "{ }\n"


def test_who_cannot_be_started_anew_runs_as_before(changing: Deployment) -> None:
    before, workspace = supervisors(changing), changing.folder / "workspaces" / "site-1"
    local = tree(workspace / "local")
    ended = up(changing, "{site-1: {environment: {PYTHONHOME: /nowhere}}}")
    assert ended.returncode == 3, ended.err
    assert "site-1 crashes again and again" in ended.err
    assert "could be taken back" not in ended.err
    eventually(lambda: bool(row(changing, "site-1")["registered"]))
    assert all(b"COLOUR=green" in environment for environment in environments(changing, "site-1"))
    assert tree(workspace / "local") == local
    after = supervisors(changing)
    assert (before["server1"], before["site-2"]) == (after["server1"], after["site-2"])
    assert "its settings have changed" in str(row(changing, "site-1")["drift"])
    assert not (changing.folder / "workspaces" / ".former").exists()


def test_who_has_left_is_stopped_by_up(changing: Deployment) -> None:
    before = supervisors(changing)
    shutil.move(changing.kits / "site-2", changing.kits.parent / "site-2")
    ended = up(changing, "{site-1: {environment: {COLOUR: blue}}}")
    assert ended.returncode == 1
    assert supervisors(changing) == before
    ended = up(changing, "{site-1: {environment: {COLOUR: blue}}}", "--remove")
    assert ended.returncode == 0, ended.err
    assert "Stopping site-2: it is not in the deployment any more" in ended.err
    after = supervisors(changing)
    assert (after["site-2"], after["server1"]) == (set(), before["server1"])
    assert changing.status()["healthy"]
