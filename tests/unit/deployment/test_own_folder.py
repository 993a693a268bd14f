"""A deployment is written to a folder of its own alone: not into kits, and not among what is somebody else's."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

from composer.deployment.place import is_unfinished
from tests.conftest import Ended, composer, tree

pytestmark = pytest.mark.nvflare

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}


@pytest.fixture
def project(prod_00: Path, tmp_path: Path) -> Path:
    """A project folder as users have it: composer.yml, kits, and work of their own."""
    folder = tmp_path / "project"
    shutil.copytree(prod_00, folder / "workspace" / "example" / "prod_00")
    (folder / "composer.yml").write_text("kits: workspace/example/prod_00\nruntime: process\n")
    (folder / "thesis.txt").write_text("years of work")
    return folder


def refused(ended: Ended, cause: str) -> None:
    assert ended.returncode == 1
    message, hint = ended.err.strip().split("\n")
    assert cause in message
    assert "-C DIR" in hint


@pytest.mark.parametrize("place", [".", "workspace", "workspace/example", "workspace/example/prod_00"])
def test_nothing_is_written_among_other_things(project: Path, place: str) -> None:
    before = tree(project)
    refused(composer("generate", "-C", place, cwd=project, **NO_ENGINE), f"{project}")
    assert tree(project) == before


@pytest.mark.parametrize("command", [("generate", "--force"), ("build",), ("up",), ("up", "--dry-run")])
def test_no_command_writes_there(project: Path, command: tuple[str, ...]) -> None:
    before = tree(project)
    refused(composer(*command, cwd=project, COMPOSER_DEPLOYMENT=".", **NO_ENGINE), f"{project}")
    assert tree(project) == before


@pytest.mark.parametrize("below", ["prod_00/site-1", "prod_00/site-1/local", "prod_00/site-1/new", "prod_00/new/er"])
def test_nothing_is_written_below_kits(project: Path, below: str) -> None:
    before = tree(project)
    ended = composer("generate", "-C", f"workspace/example/{below}", cwd=project, **NO_ENGINE)
    refused(ended, "lies in" if below != "prod_00/site-1" else "is the kit")
    assert tree(project) == before


def test_a_link_to_kits_does_not_help(project: Path) -> None:
    (project / "deployment").symlink_to("workspace/example/prod_00")
    refused(composer("generate", cwd=project), "is the provisioned kits of")


def test_a_deployment_that_holds_what_it_is_made_from_is_written_no_more(project: Path, prod_00: Path) -> None:
    assert composer("generate", cwd=project).returncode == 0
    shutil.copytree(prod_00, project / "deployment" / "mine")
    refused(composer("generate", "deployment/mine", cwd=project), "holds")
    shutil.copy(project / "composer.yml", project / "deployment" / "composer.yml")
    refused(composer("generate", prod_00, "-f", "deployment/composer.yml", cwd=project), "holds")


def test_what_belongs_to_a_deployment_may_be_there_before(project: Path) -> None:
    folder = project / "deployment"
    folder.mkdir()
    assert composer("generate", cwd=project).returncode == 0
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "compose.override.yml").write_text("services: {}\n")
    assert composer("generate", cwd=project).returncode == 0
    (folder / "notes.txt").write_text("mine")
    assert composer("generate", cwd=project).returncode == 0
    assert (folder / "notes.txt").read_text() == "mine"


def test_an_archive_in_the_folder_is_not_among_what_is_written(project: Path, prod_00: Path) -> None:
    folder = project / "deployment"
    folder.mkdir()
    with tarfile.open(folder / "kits.tgz", "w:gz") as archive:
        archive.add(prod_00 / "site-1", "site-1")
    refused(composer("generate", "deployment/kits.tgz", cwd=project), "holds")


def test_a_folder_named_kits_is_taken_for_composers_own_only_where_composer_made_it(
    project: Path, prod_00: Path
) -> None:
    folder = project / "deployment"
    shutil.copytree(prod_00, folder / "kits")
    refused(composer("generate", cwd=project), "holds kits")


def test_looking_at_kits_takes_no_folder(project: Path) -> None:
    assert composer("check", "workspace/example/prod_00", "-C", ".", cwd=project).returncode == 0


@pytest.mark.parametrize("name", ["private", "containers.json", "quadlets"])
def test_what_a_first_run_has_written_before_it_was_cut_short_is_its_own(tmp_path: Path, name: str) -> None:
    for folder in (".staged", "workspaces"):
        (tmp_path / folder).mkdir()
    (tmp_path / name).mkdir()
    assert is_unfinished(tmp_path)
