"""The documentation is held to the code: commands, checks, keys of composer.yml."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import click
import yaml

from composer.cli import cli
from composer.cli.screen.picture import draw
from composer.definition import Definition, HostChoice, ParticipantChoice, load_definition
from composer.images.build_inputs import BuildInputs
from composer.kits.checks import CHECKS
from composer.model.kit import Connection, Listener, Project
from composer.resolve import resolve_federation
from composer.resolve.topology import resolve_topology
from composer.runtimes.job_causes import RULES as JOB_RULES
from composer.runtimes.participant_causes import RULES as PARTICIPANT_RULES
from tests.conftest import ROOT
from tests.golden.cases import DEPLOYMENT, OWNER, SERVER, kit

README = (ROOT / "README.md").read_text()


def test_every_command_is_in_the_readme_and_has_help() -> None:
    rows = re.findall(r"^\| `composer ([a-z]+)([^|]*)", README, re.MULTILINE)
    documented = {name for first, rest in rows for name in (first, *re.findall(r", `([a-z]+)", rest))}
    context = click.Context(cli)
    commands = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    assert documented == set(commands)
    for command in commands.values():
        assert command is not None
        assert command.help
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, (command.name, parameter.name)


def test_every_check_is_documented_in_its_own_words() -> None:
    documented = re.findall(r"^\| ([A-Z-]+) \| (.*) \|$", (ROOT / "docs" / "checks.md").read_text(), re.MULTILINE)
    assert documented == [(check.id, check.asks) for check in CHECKS]


def test_every_cause_is_documented() -> None:
    documented = re.findall(r"^\| ([A-Z-]+) \| .* \|$", (ROOT / "docs" / "why.md").read_text(), re.MULTILINE)
    tables = (dict.fromkeys(rule.id for rule in PARTICIPANT_RULES), dict.fromkeys(rule.id for rule in JOB_RULES))
    assert documented == [id_ for table in tables for id_ in table]


def test_the_documented_definition_is_one_and_names_every_key(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    path = tmp_path / "composer.yml"
    path.write_text(text)
    assert load_definition(path) != Definition()
    document = yaml.safe_load(text)
    assert set(document) == {field.name for field in fields(Definition)} - {"publish"}


def test_documented_files_exist() -> None:
    for name in re.findall(r"\]\(([A-Za-z./-]+)\)", README):
        assert (ROOT / name).exists(), name


def test_every_command_that_a_message_names_is_one() -> None:
    commands = set(cli.list_commands(click.Context(cli)))
    for path in [*(ROOT / "composer").rglob("*.py"), *(ROOT / "dockerfiles").rglob("*.sh")]:
        # An option stands behind the command; where a line is in backticks, it is one.
        for named in re.findall(r"composer (-[\w-]+)|`composer ([\w-]+)", path.read_text()):
            assert set(named) <= {*commands, "", "--help", "help", "version"}, (path, named)


def test_the_documented_picture_is_what_is_drawn() -> None:
    hub, ward = HostChoice("10.77.0.2", "ssh://ops@hub", "/srv"), HostChoice("10.77.0.3", "ssh://ops@ward-a", "/srv")
    site = (Connection("relay-1", "relay-1", 18102), Connection(SERVER, SERVER, 8002))
    kits = (
        kit(SERVER, "server"),
        kit("relay-1", "relay", listens_on=(Listener("relay-1", 18102),)),
        *(kit(f"site-{n}", "client", connects_to=site) for n in range(1, 41)),
        kit("lead@example.org", "admin"),
    )
    placed = {SERVER: "hub", "relay-1": "hub", **{f"site-{n}": "ward-a" for n in range(1, 41)}}
    definition = Definition(
        hosts={"hub": hub, "ward-a": ward},
        participants={name: ParticipantChoice(host=host) for name, host in placed.items()},
    )
    federation = resolve_federation(Project("my-project", kits), definition, BuildInputs(), DEPLOYMENT, OWNER)
    drawn = "\n".join(line.text for line in draw(resolve_topology(federation), None))
    block = re.search(r"\$ composer topology [^\n]+\n(.*?)\n```", (ROOT / "docs/looking.md").read_text(), re.DOTALL)
    assert block
    assert block[1] == drawn
