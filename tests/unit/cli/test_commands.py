"""What people type who know Docker Compose, kubectl, make or git does what they mean, or names what does."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer import __version__
from composer.cli import cli
from tests.conftest import composer

MEANT = {
    "staus": "composer status",
    "UP": "composer up",
    "bundel": "composer bundle",
    "deploy": "composer up",
    "apply": "composer up",
    "delete": "composer down",
    "rm": "composer down",
    "describe": "composer status",
    "get": "composer status",
    "ls": "composer status",
    "submit_job": "composer admin -- job submit -j FOLDER",
    "list_jobs": "composer admin -- job list",
    "preflight_check": "composer check KITS",
    "validate": "composer check KITS",
    "poc": "composer demo",
    "pull": "composer build",
    "push": "composer images push",
    "config": "composer generate KITS",
    "package": "composer bundle KITS -o DIR",
}


@pytest.mark.parametrize(("typed", "command"), MEANT.items())
def test_a_command_that_there_is_not_is_answered_with_the_one_that_does_it(typed: str, command: str) -> None:
    ended = composer(typed)
    assert ended.returncode == 2
    assert f"There is no command {typed}: did you mean `{command}`?" in ended.err


def test_nothing_is_guessed_where_nothing_is_near() -> None:
    ended = composer("qqqq")
    assert ended.returncode == 2
    assert "There is no command qqqq; `composer help` lists them" in ended.err


def test_every_suggestion_is_a_command_that_there_is() -> None:
    from composer.cli.spoken import _MEANINGS

    for line in _MEANINGS:
        program, command = line.split()[:2]
        assert program == "docker" or command in cli.list_commands(None), line  # type: ignore[arg-type]


def test_help_and_version_are_commands(tmp_path: Path) -> None:
    assert composer("help").out == composer("--help").out
    assert composer("help", "up").out == composer("up", "--help").out
    assert composer("help", "images", "save").out == composer("images", "save", "--help").out
    assert composer("version").out == f"composer, version {__version__}\n"
    assert "did you mean `composer status`?" in composer("help", "staus").err
    assert composer("help", "up", "down").returncode == 2


def test_ps_is_status(tmp_path: Path) -> None:
    for command in ("ps", "status"):
        ended = composer(command, "-C", tmp_path / "none")
        assert ended.returncode == 1
        assert "is not a deployment folder" in ended.err


def test_no_summary_is_cut_and_commands_are_in_groups() -> None:
    shown = composer("--help", COLUMNS="80").out
    assert "..." not in shown.replace("[ARGS]...", "")
    assert "Run a federation:" in shown


@pytest.mark.parametrize("before", [True, False])
def test_options_stand_before_the_command_too(before: bool, prod_00: Path, tmp_path: Path) -> None:
    (tmp_path / "other.yml").write_text("runtime: process\n")
    options = ["-q", "-C", tmp_path / "there", "-f", tmp_path / "other.yml"]
    command = [*options, "generate", prod_00] if before else ["generate", prod_00, *options]
    ended = composer(*command, cwd=tmp_path)
    assert (ended.returncode, ended.err) == (0, "")
    assert (tmp_path / "there" / "manifest.json").is_file()
    assert not (tmp_path / "there" / "docker-compose.yml").exists()


def test_what_stands_behind_the_command_counts_more(prod_00: Path, tmp_path: Path) -> None:
    ended = composer("-C", tmp_path / "first", "generate", prod_00, "-C", tmp_path / "second", cwd=tmp_path)
    assert ended.returncode == 0
    assert not (tmp_path / "first").exists()
    assert (tmp_path / "second" / "manifest.json").is_file()
    beside = composer("-C", tmp_path / "first", "generate", prod_00, cwd=tmp_path, COMPOSER_DEPLOYMENT="third")
    assert beside.returncode == 0
    assert (tmp_path / "first" / "manifest.json").is_file()


def test_composer_yaml_is_read_as_well(prod_00: Path, tmp_path: Path) -> None:
    (tmp_path / "composer.yaml").write_text("runtime: process\n")
    assert composer("generate", prod_00, cwd=tmp_path).returncode == 0
    assert not (tmp_path / "deployment/docker-compose.yml").exists()
    (tmp_path / "composer.yml").write_text("runtime: process\n")
    ended = composer("generate", prod_00, cwd=tmp_path)
    assert ended.returncode == 1
    assert "there are composer.yml and composer.yaml here" in ended.err
    assert composer("generate", prod_00, "-f", "composer.yml", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("option", ["--tail", "-n", "--lines"])
@pytest.mark.parametrize(("value", "code"), [("5", 1), ("all", 1), ("-1", 2), ("few", 2)])
def test_logs_take_a_number_of_lines_or_all(option: str, value: str, code: int, tmp_path: Path) -> None:
    assert composer("logs", f"{option}={value}" if option != "-n" else f"-n{value}", cwd=tmp_path).returncode == code


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (("logs", "site1"), "did you mean site-1?"),
        (("logs", "SERVER1"), "did you mean server1?"),
        (("logs", "qqqq"), "there are server1, site-1, site-2"),
        (("admin", "admin@quickstart"), "did you mean admin@quickstart.example?"),
    ],
)
def test_a_participant_that_there_is_not_gets_the_nearest(
    command: tuple[str, ...], hint: str, prod_00: Path, tmp_path: Path
) -> None:
    assert composer("generate", prod_00, cwd=tmp_path).returncode == 0
    ended = composer(*command, cwd=tmp_path)
    assert ended.returncode == 1
    assert f" hint: {hint}" in ended.err


def test_so_does_one_in_composer_yml(prod_00: Path, tmp_path: Path) -> None:
    (tmp_path / "composer.yml").write_text("participants: {site1: {}}\n")
    ended = composer("generate", prod_00, cwd=tmp_path)
    assert ended.returncode == 1
    assert "composer.yml names site1, but no kit has that name" in ended.err
    assert " hint: did you mean site-1?" in ended.err
