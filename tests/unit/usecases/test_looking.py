"""Commands that only look leave no key behind and change nothing; what they are given is checked before it is used."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, Ended, composer, tree

pytestmark = pytest.mark.nvflare

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
LOOKING = (
    ("check",),
    ("hosts",),
    ("topology",),
    ("report",),
    ("diff",),
    ("doctor",),
    ("generate", "--dry-run"),
    ("build", "--dry-run"),
    ("up", "--dry-run"),
    ("wheels", "-o", "wheels"),
)


def packed(prod_00: Path, target: Path, *names: str) -> Path:
    """Pack some of the kits into an archive."""
    with tarfile.open(target, "w:gz") as archive:
        for name in names:
            archive.add(prod_00 / name, name)
    return target


def without_engine(*arguments: str | Path, cwd: Path) -> Ended:
    scratch = cwd / "scratch"
    scratch.mkdir(exist_ok=True)
    ended = composer(*arguments, cwd=cwd, TMPDIR=str(scratch), **NO_ENGINE)
    assert "Traceback" not in ended.err
    return ended


@pytest.mark.parametrize("command", LOOKING, ids=lambda command: " ".join(command))
def test_a_command_that_looks_at_an_archive_leaves_no_key(
    command: tuple[str, ...], prod_00: Path, tmp_path: Path
) -> None:
    kits = packed(prod_00, tmp_path / "kits.tgz", "server1", "site-1")
    without_engine(*command, kits, cwd=tmp_path)
    assert list(tmp_path.rglob("*.key")) == []
    assert sorted(path.name for path in tmp_path.iterdir()) in (
        ["kits.tgz", "scratch"],
        ["kits.tgz", "report.html", "scratch"],
        ["kits.tgz", "scratch", "wheels"],
    )
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_bundle_of_an_archive_leaves_its_keys_in_the_bundle_alone(prod_00: Path, tmp_path: Path) -> None:
    kits = packed(prod_00, tmp_path / "kits.tgz", "server1", "site-1")
    ended = without_engine("bundle", kits, "-o", "out", "--runtime", "process", cwd=tmp_path)
    assert ended.returncode == 0, ended.err
    assert list(tmp_path.rglob("*.key")) == []
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("command", [*LOOKING, ("bundle", "-o", "out")], ids=lambda command: " ".join(command))
def test_a_command_that_looks_does_not_swap_the_kits_that_run(
    command: tuple[str, ...], prod_00: Path, tmp_path: Path
) -> None:
    first = packed(prod_00, tmp_path / "first.tgz", "server1", "site-1")
    with tarfile.open(tmp_path / "second.tgz", "w:gz") as archive:
        for name in ("server1", "site-1"):
            archive.add(prod_00 / name, name)
        archive.add(ROOT / "README.md", "server1/local/note.txt")
    assert without_engine("generate", first, cwd=tmp_path).returncode == 0
    deployment = tmp_path / "deployment"
    before = tree(deployment), [path.stat().st_ino for path in sorted(deployment.rglob("*"))]
    without_engine(*command, tmp_path / "second.tgz", cwd=tmp_path)
    assert (tree(deployment), [path.stat().st_ino for path in sorted(deployment.rglob("*"))]) == before


def test_a_dry_run_and_a_diff_show_the_paths_that_kits_will_have(prod_00: Path, tmp_path: Path) -> None:
    kits = packed(prod_00, tmp_path / "kits.tgz", "server1", "site-1")
    assert without_engine("generate", kits, cwd=tmp_path).returncode == 0
    assert without_engine("diff", kits, cwd=tmp_path).returncode == 0
    ended = without_engine("generate", kits, "--dry-run", cwd=tmp_path)
    assert "$ write " not in ended.err
    assert ended.out == "files: nothing would change\n"


@pytest.mark.parametrize("more", [(), ("--ignore", "KIT-ROLE")], ids=["checked", "ignored"])
@pytest.mark.parametrize("name", ["local", "local/privacy.json"])
def test_a_link_in_a_kit_is_refused_whatever_is_ignored(
    name: str, more: tuple[str, ...], prod_00: Path, tmp_path: Path
) -> None:
    """Docker would follow it: a job could read what it leads to."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "id_rsa").write_text("secret")
    kit = tmp_path / "site-1"
    (kit / "startup").mkdir(parents=True)
    for path in sorted((prod_00 / "site-1").rglob("*")):
        target = kit / path.relative_to(prod_00 / "site-1")
        if path.is_file() and not str(target.relative_to(kit)).startswith(name):
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
            target.chmod(path.stat().st_mode)
    (kit / name).parent.mkdir(exist_ok=True)
    (kit / name).symlink_to(home if name == "local" else home / "id_rsa")
    ended = without_engine("generate", kit, *more, cwd=tmp_path)
    assert ended.returncode == (1 if more else 3)
    assert f"{name} is a symbolic link" in ended.err
    assert not (tmp_path / "deployment").exists()


def test_a_deployment_keeps_its_definition(prod_00: Path, tmp_path: Path) -> None:
    """Kits that are named from another folder do not turn hosts, runtime and network into defaults."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    chosen = tmp_path / "chosen.yml"
    chosen.write_text("runtime: process\n")
    target = tmp_path / "deployment"
    assert composer("generate", prod_00, "-f", chosen, "-C", target, cwd=elsewhere).returncode == 0
    before = json.loads((target / "manifest.json").read_text())
    again = composer("generate", prod_00, "-C", target, cwd=elsewhere)
    assert again.returncode == 0
    assert json.loads((target / "manifest.json").read_text()) == before
    (elsewhere / "composer.yml").write_text("runtime: docker\n")
    told = composer("generate", prod_00, "-C", target, cwd=elsewhere)
    assert told.returncode == 0
    assert f"{chosen} is used, as when this deployment was made, and not {elsewhere}/composer.yml" in told.err
    assert json.loads((target / "manifest.json").read_text()) == before
    named = composer("generate", prod_00, "-C", target, "-f", chosen, cwd=elsewhere)
    assert "is used" not in named.err
    changed = composer("generate", prod_00, "-C", target, "-f", elsewhere / "composer.yml", cwd=elsewhere)
    assert changed.returncode == 0
    assert json.loads((target / "manifest.json").read_text())["runtime"] == "docker"
