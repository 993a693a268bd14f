"""What containers were started from is kept whole, whatever becomes of the command that keeps it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from composer.deployment import recorded
from composer.deployment.recorded import keep_started, read_started
from composer.model.errors import ComposerError
from composer.runtimes.docker_lifecycle import DockerLifecycle, _laid_out
from composer.usecases.generate import generate
from composer.usecases.inputs import Inputs
from tests.conftest import missing, run
from tests.fakes.engine import MemoryEngine
from tests.fakes.reporter import Heard
from tests.kitmaker import Project, provision

FORMER = {"docker-compose.yml": b"former", "compose.override.yml": b"former, too"}
NEW = {"docker-compose.yml": b"new" * 9999}
NEWER = {"docker-compose.yml": b"newer" * 9999, "compose.override.yml": b"newer, too"}


class Killed(BaseException):
    """Nothing is done any more, as after a kill -9."""


def test_what_is_kept_is_read_as_it_was(tmp_path: Path) -> None:
    assert read_started(tmp_path) == ()
    for versions in ([FORMER], [NEW, FORMER], [NEWER, NEW, FORMER], [FORMER, NEWER], [NEW], []):
        keep_started(tmp_path, versions)
        assert read_started(tmp_path) == tuple(versions)


@pytest.mark.parametrize("versions", [[NEW, FORMER], [NEWER, NEW, FORMER]], ids=["once", "twice"])
@pytest.mark.parametrize("how", [Killed(), OSError(28, "No space left on device")], ids=["killed", "full"])
def test_a_cut_at_any_moment_loses_no_former_version(
    how: BaseException, versions: list[dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment, came_through = 0, False
    while not came_through:
        folder = tmp_path / str(moment)
        folder.mkdir()
        keep_started(folder, versions[1:])
        with cut(how, moment, monkeypatch):
            try:
                keep_started(folder, versions)
                came_through = True
            except ComposerError as error:
                assert "No space left on device" in error.message
            except Killed:
                pass
        kept = read_started(folder)
        assert all(version in kept for version in versions[1:]), moment
        keep_started(folder, versions)
        assert read_started(folder) == tuple(versions)
        moment += 1
    assert moment > 4


@contextmanager
def cut(how: BaseException, moment: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the step of that number, of those that change the disk, come to nothing; a file is half written then."""
    steps, write, replace = [0], recorded.write, Path.replace

    def due() -> bool:
        steps[0] += 1
        return steps[0] > moment

    def write_half(path: Path, content: bytes, mode: int) -> None:
        if due():
            write(path, content[: len(content) // 2], mode)
            raise how
        write(path, content, mode)

    def replace_not(path: Path, target: Path) -> Path:
        if due():
            raise how
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(recorded, "write", write_half)
        patch.setattr(Path, "replace", replace_not)
        yield


def test_a_disk_that_is_full_keeps_what_was_started_and_takes_back_what_was_not(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        missing("mounting a file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    assert run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]).returncode == 0
    try:
        keep_started(disk, [FORMER])
        run(["dd", "if=/dev/zero", f"of={disk}/ballast", "bs=4k"])
        with pytest.raises(ComposerError, match="No space left on device"):
            keep_started(disk, [NEW, FORMER])
        assert FORMER in read_started(disk)
        (disk / "ballast").unlink()
        keep_started(disk, [NEW, FORMER])
        run(["dd", "if=/dev/zero", f"of={disk}/ballast", "bs=4k"])
        # What only goes needs no room.
        keep_started(disk, [NEW])
        assert read_started(disk) == (NEW,)
    finally:
        assert run(["umount", "--lazy", disk]).returncode == 0


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777], ids=oct)
def test_no_umask_changes_a_mode(umask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = MemoryEngine()
    engine.install(monkeypatch)
    kits = provision(tmp_path, Project("2.9")).prod
    deployment = tmp_path / "deployment"
    former = os.umask(umask)
    try:
        manifest = generate(Inputs((kits,), None, deployment)).manifest
        one = DockerLifecycle(deployment)
        one.remember()
        one.start(manifest, Heard())
        override = deployment / "compose.override.yml"
        override.write_text((deployment / "docker-compose.yml").read_text())
        override.chmod(0o644)
        one.start(manifest, Heard())
    finally:
        os.umask(former)
    modes = {path: path.stat().st_mode & 0o777 for path in (deployment, *deployment.rglob("*"))}
    assert not {path: oct(mode) for path, mode in modes.items() if mode & 0o022}
    assert not {path: oct(mode) for path, mode in modes.items() if path.is_dir() and mode & 0o700 != 0o700}
    started = [deployment / ".started", *(deployment / ".started").rglob("*")]
    assert len(started) > 2
    assert {modes[path] for path in started} == {0o700, 0o600}
    assert {modes[path] for path in started if path.is_dir()} == {0o700}
    # The rest is as it is with any other umask.
    told = {str(path.relative_to(deployment)): mode for path, mode in modes.items()}
    assert {name: told[name] for name in EXPECTED} == EXPECTED


EXPECTED = {
    ".": 0o755,
    "docker-compose.yml": 0o644,
    "manifest.json": 0o644,
    "workspaces": 0o700,
    "workspaces/site-1": 0o700,
    "images/site-1/Dockerfile": 0o600,
    "images/site-1/entrypoint.sh": 0o755,
}


def test_what_a_start_goes_back_to_has_the_secrets_of_then(tmp_path: Path) -> None:
    """By now the deployment folder has others."""
    compose = b'services:\n  "site-1":\n    "env_file":\n      - "./private/site-1.env"\n'
    former = {"docker-compose.yml": compose, "site-1.env": b"TOKEN='former'\n"}
    with _laid_out(former) as (file,):
        named = file.read_text().split('"')[-2]
        assert Path(named).read_bytes() == former["site-1.env"]
        assert Path(named).parent.stat().st_mode & 0o077 == 0
    assert not Path(named).exists()
