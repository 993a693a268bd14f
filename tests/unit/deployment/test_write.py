"""A deployment folder is replaced as a whole, or not at all, and never against its user's will."""

from __future__ import annotations

import hashlib
import itertools
import os
import resource
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from composer.deployment import write
from composer.deployment.manifest import Manifest, dump_manifest
from composer.model.errors import ComposerError
from composer.model.files import GeneratedFile, Owner, Rendering

ME = Owner(os.geteuid(), os.getegid())


def rendering(**files: str) -> Rendering:
    """Files by name (``__`` for a slash), with the manifest that belongs to them."""
    generated = [GeneratedFile(PurePosixPath(name.replace("__", "/")), text.encode()) for name, text in files.items()]
    hashes = {str(file.path): hashlib.sha256(file.content).hexdigest() for file in generated}
    manifest = Manifest("0", "fed", "fed", (), None, (), hashes)
    generated.append(GeneratedFile(PurePosixPath("manifest.json"), dump_manifest(manifest).encode()))
    return Rendering(tuple(generated), ((PurePosixPath("workspaces/a"), ME),))


def texts(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deployment"


def test_files_folders_and_modes(folder: Path) -> None:
    old = os.umask(0o077)
    try:
        script = GeneratedFile(PurePosixPath("images/a/run.sh"), b"#!", 0o755)
        given = rendering(hosts="x")
        write.write_deployment(replace(given, files=(*given.files, script)), folder)
    finally:
        os.umask(old)
    assert (folder / "hosts").stat().st_mode & 0o777 == 0o644
    assert (folder / "images/a/run.sh").stat().st_mode & 0o777 == 0o755
    assert (folder / "images/a").stat().st_mode & 0o777 == 0o755
    assert (folder / "workspaces/a").stat().st_mode & 0o777 == 0o700


def test_writing_again_changes_nothing(folder: Path) -> None:
    assert write.write_deployment(rendering(hosts="x"), folder)
    before = (folder / "hosts").stat()
    assert write.write_deployment(rendering(hosts="x"), folder) == ()
    assert (folder / "hosts").stat() == before


def test_only_what_differs_is_written(folder: Path) -> None:
    write.write_deployment(rendering(hosts="x", other="y"), folder)
    changed = write.write_deployment(rendering(hosts="z", other="y"), folder)
    assert sorted(map(str, changed)) == ["hosts", "manifest.json"]


def test_an_edited_file_stops_the_writing(folder: Path) -> None:
    write.write_deployment(rendering(hosts="x", other="y"), folder)
    (folder / "hosts").write_text("mine")
    with pytest.raises(ComposerError, match="hosts was changed by hand") as caught:
        write.write_deployment(rendering(hosts="z", other="new"), folder)
    assert "compose.override.yml" in caught.value.hint
    assert texts(folder)["other"] == "y"
    assert texts(folder)["hosts"] == "mine"


def test_an_edit_that_a_new_generation_does_not_touch_stops_it_too(folder: Path) -> None:
    write.write_deployment(rendering(hosts="x"), folder)
    (folder / "hosts").write_text("mine")
    with pytest.raises(ComposerError, match="changed by hand"):
        write.write_deployment(rendering(hosts="x"), folder)


@pytest.mark.fault(25)
def test_force_keeps_the_edited_file_aside(folder: Path) -> None:
    write.write_deployment(rendering(hosts="x"), folder)
    (folder / "hosts").write_text("mine")
    write.write_deployment(rendering(hosts="z"), folder, force=True)
    assert texts(folder)["hosts"] == "z"
    assert texts(folder)["hosts.orig"] == "mine"


def test_what_is_no_longer_generated_goes(folder: Path) -> None:
    write.write_deployment(rendering(images__a__Dockerfile="x", images__b__Dockerfile="y"), folder)
    write.write_deployment(rendering(images__a__Dockerfile="x"), folder)
    assert not (folder / "images/b").exists()
    assert (folder / "images/a/Dockerfile").exists()


def test_a_users_own_files_stay(folder: Path) -> None:
    write.write_deployment(rendering(hosts="x"), folder)
    (folder / "compose.override.yml").write_text("services: {}")
    write.write_deployment(rendering(hosts="y"), folder)
    assert texts(folder)["compose.override.yml"] == "services: {}"


ONE, SEVERAL = {"hosts": "one"}, {"hosts__ward__docker-compose.yml": "there", "hosts__local__hosts": "here"}


@pytest.mark.parametrize(("before", "after"), [(ONE, SEVERAL), (SEVERAL, ONE)])
def test_a_file_and_a_folder_take_each_others_place(
    before: dict[str, str], after: dict[str, str], folder: Path
) -> None:
    """As from one machine to several hosts and back; what was kept of a host's last start goes with it."""
    write.write_deployment(rendering(**before), folder)
    if before is SEVERAL:
        (folder / "hosts/ward/.started").mkdir()
        (folder / "hosts/ward/.started/docker-compose.yml").write_text("there")
    assert len(write.differences(rendering(**after), folder)) == 3
    write.write_deployment(rendering(**after), folder)
    assert set(texts(folder)) == {*(name.replace("__", "/") for name in after), "manifest.json"}


@pytest.mark.parametrize(
    ("before", "after", "theirs"),
    [(SEVERAL, ONE, "hosts/ward/compose.override.yml"), (SEVERAL, ONE, "hosts/local/hosts"), (ONE, SEVERAL, "hosts")],
)
def test_what_somebody_else_wrote_there_stops_the_writing(
    before: dict[str, str], after: dict[str, str], theirs: str, folder: Path
) -> None:
    write.write_deployment(rendering(**before), folder)
    (folder / theirs).write_text("mine")
    was = texts(folder)
    with pytest.raises(ComposerError, match=f"{theirs} is in the way of") as caught:
        write.write_deployment(rendering(**after), folder)
    assert caught.value.hint == "move it away"
    assert texts(folder) == was


def test_a_file_in_place_of_the_folder(folder: Path) -> None:
    folder.write_text("")
    with pytest.raises(ComposerError, match=f"cannot write {folder}"):
        write.write_deployment(rendering(hosts="x"), folder)


def test_a_foreign_file_is_not_overwritten(folder: Path) -> None:
    folder.mkdir()
    (folder / "docker-compose.yml").write_text("somebody's own")
    with pytest.raises(ComposerError, match="changed by hand"):
        write.write_deployment(Rendering((GeneratedFile(PurePosixPath("docker-compose.yml"), b"ours"),), ()), folder)
    assert texts(folder) == {"docker-compose.yml": "somebody's own"}


class _PowerCut(BaseException):
    """Nothing catches it, as nothing catches a kill."""


@pytest.mark.fault(17)
@pytest.mark.parametrize("survived", range(14))
def test_a_cut_at_any_moment_leaves_the_old_set_or_the_new(
    folder: Path, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    """Cut the writing at its Nth system call that changes the disk; the next run must find one set, whole."""
    old, new = rendering(a="1", b="1", c="1"), rendering(a="2", b="2", d="2")
    write.write_deployment(old, folder)
    calls = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > survived:
                raise _PowerCut
            return function(*args, **kwargs)

        return call

    with monkeypatch.context() as patched:
        for owner, name in (
            (os, "open"),
            (Path, "replace"),
            (Path, "rename"),
            (Path, "unlink"),
            (shutil, "rmtree"),
        ):
            patched.setattr(owner, name, counted(getattr(owner, name)))
        try:
            write.write_deployment(new, folder)
        except _PowerCut:
            pass
    # What a next run does first; then the set is whole.
    write.settle(folder)
    found = {name: text for name, text in texts(folder).items() if name in "abcd"}
    assert found in ({"a": "1", "b": "1", "c": "1"}, {"a": "2", "b": "2", "d": "2"})
    assert not (folder / ".staged").exists()
    write.write_deployment(new, folder)
    assert set(texts(folder)) == {"a", "b", "d", "manifest.json"}


def killed_at(call: int, deed: Callable[[], Any]) -> bool:
    """Do something in a process of its own that kill -9 ends at its Nth call that changes the disk; tell if it did."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    left = itertools.count(call, -1)

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*args: Any, **kwargs: Any) -> Any:
            if next(left) <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return instead

    for owner, name in ((os, "open"), (os, "fsync"), (Path, "replace"), (Path, "rename"), (Path, "unlink")):
        setattr(owner, name, counted(getattr(owner, name)))
    try:
        deed()
    finally:
        os._exit(0)


@pytest.mark.fault(17)
@pytest.mark.fault(25)
def test_kill_9_leaves_the_edited_file_or_its_successor_and_never_loses_the_edit(tmp_path: Path) -> None:
    new = rendering(hosts="2", other="2")
    for call in range(100):
        folder = tmp_path / str(call)
        write.write_deployment(rendering(hosts="1", other="1"), folder)
        (folder / "hosts").write_text("mine")
        killed = killed_at(call, partial(write.write_deployment, new, folder, force=True))
        found = texts(folder)
        assert (found["hosts"] == "mine") or (found["hosts"], found.get("hosts.orig")) == ("2", "mine"), (call, found)
        assert found.get("hosts.orig") in (None, "mine"), (call, found)
        write.write_deployment(new, folder, force=True)
        found = texts(folder)
        assert (found["hosts"], found["hosts.orig"]) == ("2", "mine")
        assert {name for name in found if "orig" in name} == {"hosts.orig"}
        if not killed:
            break
    assert not killed
    assert call > 8


@pytest.mark.fault(25)
def test_a_disk_that_is_full_keeps_the_edited_file_and_leaves_no_half_copy(folder: Path) -> None:
    write.write_deployment(rendering(hosts="1", other="1"), folder)
    mine = "mine" * 4096
    (folder / "hosts").write_text(mine)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        with pytest.raises(ComposerError, match="cannot write"):
            write.write_deployment(rendering(hosts="2", other="2"), folder, force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    write.settle(folder)
    found = texts(folder)
    assert (found["hosts"], found["other"]) == (mine, "1")
    assert "hosts.orig" not in found
