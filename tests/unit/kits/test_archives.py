"""Kits that arrive as archives: good ones come out as they were, hostile ones leave nothing anywhere."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tarfile
import time
from pathlib import Path

import pytest

from composer.kits import load_kits
from composer.kits.checks import CheckOptions, check_kits
from composer.model.errors import ComposerError
from tests.authority import NOW, key
from tests.conftest import tree
from tests.kitmaker import Project, Provisioned
from tests.unit.kits.archives import HOSTILE, Files, Hostile, encrypted, files_of, packed, tarred, zipped
from tests.unit.kits.conftest import Provision

PIN = "a1B2"


@pytest.fixture
def made(provisioned: Provision) -> Provisioned:
    return provisioned(Project("2.9"))


@pytest.fixture
def files(made: Provisioned) -> Files:
    return files_of(made.kit("site-1"))


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "deployment" / "kits"


def prod_files(made: Provisioned, below: str) -> Files:
    return files_of(made.prod, below)


def named(kit: Path) -> str:
    """The name of an unpacked kit's folder, without what tells it from other kits of the participant."""
    name, _, digest = kit.name.rpartition("-")
    assert re.fullmatch("[0-9a-f]{8}", digest)
    return name


FORMS = {
    "zip": lambda files: zipped(files),
    "zip without modes": lambda files: zipped(files, unix=False),
    "zip with PIN": lambda files: encrypted(files, PIN),
    "tar.gz": lambda files: packed(tarred(files)),
    "tar": lambda files: tarred(files),
    "pax": lambda files: packed(tarred(files, form=tarfile.PAX_FORMAT)),
    "ustar": lambda files: packed(tarred(files, form=tarfile.USTAR_FORMAT)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("below", ["", "site-1/", "./", "some/where/our kit/"])
def test_a_kit_comes_out_whole(form: str, below: str, made: Provisioned, tmp_path: Path, into: Path) -> None:
    archive = tmp_path / "mail.bin"
    archive.write_bytes(FORMS[form](files_of(made.kit("site-1"), below)))
    kit = load_kits([archive], into, lambda _: PIN).kits[0]
    assert (kit.name, kit.path.parent, named(kit.path)) == ("site-1", into, "site-1")
    assert list(into.iterdir()) == [kit.path]
    there = {name: data for name, (_, data) in tree(kit.path).items()}
    assert there == {name: data for name, (_, data) in tree(made.kit("site-1")).items()}
    assert stat.S_IMODE(into.stat().st_mode) == 0o700
    modes = {name: stat.S_IMODE(mode) for name, (mode, _) in tree(kit.path).items()}
    assert modes["startup"] == modes["local"] == modes["transfer"] == 0o700
    assert modes["startup/client.key"] == 0o600
    assert modes["startup/sub_start.sh"] == modes["startup/start.sh"] == 0o755
    assert modes["startup/fed_client.json"] == 0o644
    assert check_kits([archive], into, CheckOptions(NOW), lambda _: PIN).findings == ()


@pytest.mark.parametrize("form", FORMS)
def test_all_kits_of_a_project_come_out(form: str, made: Provisioned, tmp_path: Path, into: Path) -> None:
    archive = tmp_path / "prod.bin"
    archive.write_bytes(FORMS[form]({**prod_files(made, "ws/fedx/prod_00/"), "ws/fedx/prod_00/.env": (b"x", 0o644)}))
    project = load_kits([archive], into, lambda _: PIN)
    assert [named(kit.path) for kit in project.kits] == ["server1", "site-1", "site-2", "admin@nvidia.com"]
    assert {kit.path.parent for kit in project.kits} == {into}
    assert stat.S_IMODE((project.kits[-1].path / "local").stat().st_mode) == 0o700


def test_old_kits_keys_are_closed(provisioned: Provision, tmp_path: Path, into: Path) -> None:
    archive = tmp_path / "kits.zip"
    archive.write_bytes(zipped(prod_files(provisioned(Project("2.7")), "")))
    project = load_kits([archive], into)
    assert {stat.S_IMODE(kit.key_pair[1].stat().st_mode) for kit in project.kits} == {0o600}
    assert check_kits([archive], into, CheckOptions(NOW)).findings == ()


def test_unpacking_does_not_depend_on_the_umask(files: Files, tmp_path: Path, into: Path) -> None:
    archive = tmp_path / "kit.zip"
    archive.write_bytes(zipped(files))
    seen = []
    for umask in (0o000, 0o022, 0o077):
        old = os.umask(umask)
        try:
            load_kits([archive], into.with_name(f"kits-{umask}"))
        finally:
            os.umask(old)
        seen.append(tree(into.with_name(f"kits-{umask}")))
    assert seen[0] == seen[1] == seen[2]


def test_the_same_kit_is_left_alone(files: Files, tmp_path: Path, into: Path) -> None:
    archive = tmp_path / "kit.zip"
    archive.write_bytes(zipped(files))
    before = load_kits([archive], into).kits[0].path.stat().st_ino
    assert load_kits([archive], into).kits[0].path.stat().st_ino == before


def test_another_kit_of_the_participant_lies_beside_it(made: Provisioned, tmp_path: Path, into: Path) -> None:
    archive = tmp_path / "kit.zip"
    archive.write_bytes(zipped(files_of(made.kit("site-1"))))
    first = load_kits([archive], into).kits[0]
    made.reissue(made.kit("site-1"), "client", key("else"))
    archive.write_bytes(zipped(files_of(made.kit("site-1"))))
    second = load_kits([archive], into).kits[0]
    assert first.certificate != second.certificate
    assert set(into.iterdir()) == {first.path, second.path}
    assert {named(first.path), named(second.path)} == {"site-1"}
    assert load_kits([first.path], into).kits[0].certificate == first.certificate


def test_what_somebody_changed_in_an_unpacked_kit_is_as_it_came_again(files: Files, tmp_path: Path, into: Path) -> None:
    archive = tmp_path / "kit.zip"
    archive.write_bytes(zipped(files))
    kit = load_kits([archive], into).kits[0].path
    before = tree(kit)
    (kit / "startup" / "fed_client.json").write_text("{}")
    assert load_kits([archive], into).kits[0].path == kit
    assert tree(kit) == before


def test_archives_of_one_name_do_not_overwrite_each_other(files: Files, tmp_path: Path, into: Path) -> None:
    for name in ("a.zip", "b.zip"):
        (tmp_path / name).write_bytes(zipped(files))
    report = check_kits([tmp_path / "a.zip", tmp_path / "b.zip"], into, CheckOptions(NOW))
    assert {finding.id for finding in report.findings} == {"DUP"}
    assert [kit.path.name for kit in report.kits] == ["a.zip", "b.zip"]


def test_what_is_in_the_way_stays(files: Files, tmp_path: Path, into: Path) -> None:
    archive = tmp_path / "kit.zip"
    archive.write_bytes(zipped(files))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place = load_kits([archive], into).kits[0].path
    shutil.rmtree(place)
    place.symlink_to(elsewhere)
    with pytest.raises(ComposerError, match="in the way"):
        load_kits([archive], into)
    assert list(elsewhere.iterdir()) == []
    assert list(into.iterdir()) == [place]


def test_what_macos_adds_is_left_out(files: Files, tmp_path: Path, into: Path) -> None:
    archive = tmp_path / "kit.zip"
    junk = {"__MACOSX/startup/._start.sh": (b"x", 0o644), "startup/.DS_Store": (b"x", 0o644)}
    archive.write_bytes(zipped({**files, **junk}))
    load_kits([archive], into)
    assert not list(into.rglob("*MACOSX*")) + list(into.rglob(".DS_Store"))


def test_a_hostile_name_in_a_certificate_names_no_folder(made: Provisioned, tmp_path: Path, into: Path) -> None:
    made.reissue(made.kit("site-1"), "client", name="../../evil", names=())
    archive = tmp_path / "kit.zip"
    archive.write_bytes(zipped(files_of(made.kit("site-1"))))
    check_kits([archive], into, CheckOptions(NOW))
    assert [named(path) for path in into.iterdir()] == ["kit"]


def test_the_pin_is_asked_for_only_if_needed(files: Files, tmp_path: Path, into: Path) -> None:
    def never(_: Path) -> str:
        raise AssertionError

    archive = tmp_path / "kit.zip"
    archive.write_bytes(zipped(files))
    assert load_kits([archive], into, never).kits


def test_without_a_pin(files: Files, tmp_path: Path, into: Path) -> None:
    archive = tmp_path / "kit.zip"
    archive.write_bytes(encrypted(files, PIN))
    with pytest.raises(ComposerError, match="protected by a PIN") as caught:
        load_kits([archive], into)
    assert "COMPOSER_PIN" in caught.value.hint


@pytest.mark.parametrize("wrong", ["", "A1b2", "a1B2 ", "\u00e4", "x" * 1000], ids=range(5))
def test_a_wrong_pin(wrong: str, files: Files, tmp_path: Path, into: Path) -> None:
    archive = tmp_path / "kit.zip"
    archive.write_bytes(encrypted(files, PIN))
    with pytest.raises(ComposerError, match="does not open with this PIN") as caught:
        load_kits([archive], into, lambda _: wrong)
    assert PIN not in caught.value.message + caught.value.hint
    assert not into.exists()


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_hostile_archives_are_refused_and_leave_nothing(
    hostile: Hostile, files: Files, tmp_path: Path, into: Path
) -> None:
    archive = tmp_path / "archive.bin"
    archive.write_bytes(hostile.make(files))
    before = tree(tmp_path)
    began = time.monotonic()
    with pytest.raises(ComposerError) as caught:
        load_kits([archive], into, lambda _: "1234")
    assert time.monotonic() - began < 5
    assert caught.value.exit_code == 1
    assert caught.value.hint
    assert (caught.value.message + caught.value.hint).isprintable()
    assert tree(tmp_path) == before
    assert not into.parent.exists()
    assert not Path("/tmp/evil").exists()


def test_there_are_enough_hostile_archives() -> None:
    assert len({hostile.name for hostile in HOSTILE}) == len(HOSTILE) >= 40


@pytest.mark.parametrize(
    ("name", "command"), [("zip: a request", "nvflare cert approve"), ("zip: an approved request", "nvflare package")]
)
def test_what_is_no_kit_yet_is_told_so(name: str, command: str, tmp_path: Path, into: Path) -> None:
    hostile = next(one for one in HOSTILE if one.name == name)
    archive = tmp_path / "site-1.zip"
    archive.write_bytes(hostile.make({}))
    with pytest.raises(ComposerError) as caught:
        load_kits([archive], into)
    assert command in caught.value.hint


def test_a_full_disk_leaves_nothing(files: Files, tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "kit.zip"
    archive.write_bytes(zipped(files))
    real, count = os.open, [0]

    def full(path: str, flags: int, *rest: int, **more: int) -> int:
        count[0] += bool(flags & os.O_EXCL)
        if count[0] > 5 and flags & os.O_EXCL:
            raise OSError(28, "No space left on device")
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(ComposerError, match="No space left"):
        load_kits([archive], into)
    monkeypatch.undo()
    assert not into.parent.exists()
