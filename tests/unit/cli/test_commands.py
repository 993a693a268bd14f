"""What people type who know Docker Compose, kubectl, make or git does what they mean, or names what does."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from composer import __version__
from composer.cli import cli
from tests.conftest import composer

# What is typed for other programs, and the line that does it here.
MEANT = {
    # Misspelled
    "staus": "composer status",
    "UP": "composer up",
    "bundel": "composer bundle",
    # docker compose
    "ls": "composer status",
    "top": "composer status",
    "stats": "composer status --watch",
    "events": "composer status",
    "port site-1 8002": "composer topology",
    "rm -f": "composer down",
    "kill site-1": "composer stop PARTICIPANT",
    "run": "composer up",
    "create": "composer up",
    "wait site-1": "composer up",
    "watch": "composer status --watch",
    "pull": "composer build",
    "push": "composer images push",
    "config --services": "composer generate KITS",
    "pause site-1": "docker pause CONTAINER",
    "unpause site-1": "docker unpause CONTAINER",
    "cp site-1:/a b": "docker cp, or copy from workspaces/ in the deployment folder",
    "attach site-1": "composer admin",
    "network ls": "composer topology",
    "volume ls": "composer down --purge",
    "system prune": "composer down --purge",
    "docker compose up": "composer up",
    "compose logs -f": "composer logs",
    "docker ps": "composer ps",
    # kubectl
    "apply -f x.yml": "composer up",
    "delete pod site-1": "composer down",
    "describe pod site-1": "composer status",
    "get pods": "composer status",
    "rollout restart site-1": "composer restart PARTICIPANT",
    "scale --replicas=2": "composer up",
    "drain node": "composer stop PARTICIPANT",
    "port-forward site-1 8002": "composer topology",
    "explain": "composer why",
    "kubectl get pods": "composer status",
    # nvflare
    "poc prepare": "composer demo",
    "preflight_check -p site-1": "composer check KITS",
    "simulator job": "composer demo",
    "dashboard --start": "composer provision PROJECT.yml",
    "job submit -j ./job": "composer admin -- job submit -j ./job",
    "job list": "composer admin -- job list",
    "nvflare job list": "composer admin -- job list",
    "job": "composer admin -- job list",
    "study list": "composer admin -- study list",
    "submit_job x": "composer admin -- job submit -j FOLDER",
    "list_jobs": "composer admin -- job list",
    "abort_job x": "composer admin -- job abort JOB",
    "download_job x": "composer admin -- job download JOB",
    "check_status client": "composer status",
    "list_clients": "composer status",
    "shutdown client": "composer stop PARTICIPANT",
    "remove_client site-1": "composer remove PARTICIPANT",
    # Others
    "deploy": "composer up",
    "validate": "composer check KITS",
    "package": "composer bundle KITS -o DIR",
}
# Options of commands that composer has, too.
OPTIONS = {
    "up --force-recreate": "composer restart",
    "up -d --no-build": "composer start PARTICIPANT",
    "up --scale site=2": "composer add KITS",
    "up --pull=always": "docker pull, then composer build",
    "build --no-cache": "docker builder prune, then composer build",
    "down --rmi all": "docker rmi IMAGE",
    "down --volumes": "composer down --purge",
    "provision -p project.yml": "composer provision PROJECT.yml",
}
# What is understood as it is typed; there is no deployment, and no kits are given.
UNDERSTOOD = (
    *("up -d", "up --build", "up -d --build", "up --remove-orphans", "up --wait", "up -t 30", "up --wait-timeout 30"),
    *("down", "down --remove-orphans", "ps", "ps -a", "ps -q", "images", "start", "stop", "restart", "restart site-1"),
    *("logs -f", "logs --tail=100 site-1", "logs --tail all", "logs -n 5", "logs -t", "logs --since 1h"),
    *("logs --no-color", "exec site-1 ls", "exec -it site-1 bash", "exec -T site-1 ls", "build"),
)


def typed_in(folder: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.chdir(folder)
    return CliRunner().invoke(cli, shlex.split(line), prog_name="composer")


@pytest.mark.parametrize(("line", "command"), MEANT.items())
def test_what_others_call_it_is_answered_with_the_line_that_does_it(
    line: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = typed_in(tmp_path, line, monkeypatch)
    assert ended.exit_code == 2
    assert f"There is no command {line.split()[0]}: did you mean `{command}`?" in ended.output


@pytest.mark.parametrize(("line", "command"), OPTIONS.items())
def test_an_option_of_others_is_answered_with_the_line_that_does_it(
    line: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = typed_in(tmp_path, line, monkeypatch)
    assert ended.exit_code == 2
    assert f"did you mean `{command}`?" in ended.output


@pytest.mark.parametrize("line", UNDERSTOOD)
def test_what_means_the_same_here_is_understood(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = typed_in(tmp_path, line, monkeypatch)
    assert ended.exit_code == 1, ended.output
    assert "no kits were given" in ended.output or "is not a deployment folder" in ended.output


def test_an_option_behind_two_dashes_is_another_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = typed_in(tmp_path, "exec site-1 -- provision -p x", monkeypatch)
    assert ended.exit_code == 1


def test_a_participant_is_no_kit(prod_00: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert composer("generate", prod_00, cwd=tmp_path).returncode == 0
    for command in ("up", "build"):
        ended = typed_in(tmp_path, f"{command} site-1", monkeypatch)
        assert ended.exit_code == 1
        assert "site-1 is a participant of" in ended.output
        assert "composer start site-1" in ended.output
    assert "composer start" not in typed_in(tmp_path, "up site-9", monkeypatch).output


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
