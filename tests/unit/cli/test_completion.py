"""Shells complete commands, participants of the deployment and kits, and never what they would read more into."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import COMPOSER, composer, run


def completed(cwd: Path, line: str, **env: str) -> list[str]:
    """What bash would offer for the last word of a line; files are left to the shell."""
    words = line.split(" ")
    asked = {"_COMPOSER_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    ended = run(COMPOSER, cwd=cwd, env={**asked, **env})
    assert ended.returncode == 0, ended.err
    assert ended.err == ""
    pairs = [one.split(",", 1) for one in ended.out.splitlines() if one]
    return [value for kind, value in pairs if kind == "plain"]


def deployment(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    rows = [{"name": name, "type": "admin" if "@" in name else "client"} for name in names]
    (folder / "manifest.json").write_text(json.dumps({"participants": rows}))
    return folder


def test_commands_and_options(tmp_path: Path) -> None:
    assert completed(tmp_path, "composer sta") == ["status", "start"]
    assert completed(tmp_path, "composer up --det") == ["--detach"]
    assert completed(tmp_path, "composer completion ") == ["bash", "zsh", "fish"]


@pytest.mark.parametrize("command", ["logs", "start", "stop", "restart", "shell", "exec"])
def test_participants_of_the_deployment(tmp_path: Path, command: str) -> None:
    deployment(tmp_path / "deployment", "server1", "site-1", "site-2")
    assert completed(tmp_path, f"composer {command} si") == ["site-1", "site-2"]


def test_nobody_is_offered_twice_and_admins_alone_to_the_console(tmp_path: Path) -> None:
    deployment(tmp_path / "deployment", "site-1", "site-2", "lead@example.org")
    assert completed(tmp_path, "composer logs site-1 si") == ["site-2"]
    assert completed(tmp_path, "composer admin ") == ["lead@example.org"]


def test_the_deployment_that_is_named(tmp_path: Path) -> None:
    deployment(tmp_path / "one", "site-1")
    deployment(tmp_path / "two", "site-2")
    assert completed(tmp_path, "composer logs -C one s") == ["site-1"]
    assert completed(tmp_path, "composer -C two logs s") == ["site-2"]
    assert completed(tmp_path, "composer logs s", COMPOSER_DEPLOYMENT="two") == ["site-2"]


def test_names_that_a_shell_would_read_as_more_are_not_offered(tmp_path: Path) -> None:
    deployment(tmp_path / "deployment", "site-1", "site;reboot", "site$(id)", "site 2", "site\n3")
    assert completed(tmp_path, "composer logs s") == ["site-1"]
    (tmp_path / "deployment/$(id)/startup").mkdir(parents=True)
    assert completed(tmp_path, "composer check deployment/") == []


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"participants": 1}', '{"participants": [1, {"name": 2}]}', "[" * 9999]
)
def test_a_manifest_that_is_none(tmp_path: Path, text: str) -> None:
    deployment(tmp_path / "deployment")
    (tmp_path / "deployment/manifest.json").write_text(text)
    assert completed(tmp_path, "composer logs ") == []


def test_kits_below_the_folder_and_archives_in_it(tmp_path: Path) -> None:
    (tmp_path / "workspace/fed/prod_00/site-1/startup").mkdir(parents=True)
    (tmp_path / "workspace/fed/state").mkdir()
    (tmp_path / "site-2.zip").touch()
    (tmp_path / "notes.txt").touch()
    found = ["site-2.zip", "workspace/fed/prod_00", "workspace/fed/prod_00/site-1"]
    assert completed(tmp_path, "composer up ") == found
    assert completed(tmp_path, "composer check wor") == found[1:]
    assert completed(tmp_path, "composer check workspace/fed/prod_00/") == found[2:]
    assert completed(tmp_path, "composer check nothing/here/") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one(tmp_path: Path, shell: str) -> None:
    ended = composer("completion", shell)
    assert ended.returncode == 0, ended.err
    assert "_COMPOSER_COMPLETE" in ended.out
    script = tmp_path / "script"
    script.write_text(ended.out)
    if shutil.which(shell):
        assert run([shell, "-n", script]).returncode == 0


def test_little_is_imported(tmp_path: Path) -> None:
    deployment(tmp_path / "deployment", "site-1")
    asked = "import sys; sys.argv = ['composer']; from composer.cli import cli\n"
    asked += "try: cli(prog_name='composer')\nexcept SystemExit: pass\n"
    asked += "print(*[one for one in ('yaml', 'rich', 'pydantic', 'docker', 'cryptography') if one in sys.modules])"
    env = {"_COMPOSER_COMPLETE": "bash_complete", "COMP_WORDS": "composer logs s", "COMP_CWORD": "2"}
    ended = run([COMPOSER[0], "-c", asked], cwd=tmp_path, env=env)
    assert ended.out.splitlines() == ["plain,site-1", ""], ended.err
