"""The documentation is held to the code: commands, checks, keys of composer.yml."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import click
import pytest
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
from tests.documentation.picture import PICTURE, picture
from tests.documentation.reference import generated
from tests.golden.cases import DEPLOYMENT, OWNER, SERVER, kit

DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
PAGES = sorted(DOCS.rglob("*.md"))


def test_every_command_is_in_the_table_and_has_help() -> None:
    page = (DOCS / "reference/commands.md").read_text()
    rows = re.findall(r"^\| `composer ([a-z]+)([^|]*)", page, re.MULTILINE)
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
    page = (DOCS / "checks.md").read_text().partition("<!-- doctor begins -->")[0]
    documented = re.findall(r"^\| ([A-Z-]+) \| (.*) \|$", page, re.MULTILINE)
    assert documented == [(check.id, check.asks) for check in CHECKS]


def test_every_cause_is_documented() -> None:
    documented = re.findall(r"^\| ([A-Z-]+) \| .* \|$", (ROOT / "docs" / "why.md").read_text(), re.MULTILINE)
    tables = (dict.fromkeys(rule.id for rule in PARTICIPANT_RULES), dict.fromkeys(rule.id for rule in JOB_RULES))
    assert documented == [id_ for table in tables for id_ in table]


def test_the_documented_definition_is_one_and_names_every_key(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "reference/composer-yml.md").read_text(), re.DOTALL)
    path = tmp_path / "composer.yml"
    path.write_text(text)
    assert load_definition(path) != Definition()
    document = yaml.safe_load(text)
    assert set(document) == {field.name for field in fields(Definition)} - {"publish"}


def test_documented_files_exist() -> None:
    for page in (README, (ROOT / "SECURITY.md").read_text(), (ROOT / "CONTRIBUTING.md").read_text()):
        for name in re.findall(r"\]\(([A-Za-z0-9./-]+)\)", page):
            assert (ROOT / name).exists(), name


def test_the_readme_is_read_in_a_minute() -> None:
    assert len(README.splitlines()) <= 150


def test_every_page_is_in_the_table_of_contents_once() -> None:
    listed = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == [str(page.relative_to(DOCS)) for page in PAGES]


@pytest.mark.parametrize(("path", "text"), generated().items(), ids=lambda value: getattr(value, "name", ""))
def test_what_is_made_of_code_is_what_the_code_says(path: Path, text: str) -> None:
    assert path.read_text() == text, "run `make golden`"


def test_the_picture_is_what_is_drawn() -> None:
    assert PICTURE.read_text() == picture(), "run `make golden`"


def test_every_id_of_doctor_is_documented() -> None:
    sources = ("usecases/doctor.py", "usecases/memory.py", "hosts/examine.py", "runtimes/docker_lifecycle.py")
    said = "".join((ROOT / "composer" / name).read_text() for name in sources)
    ids = set(re.findall(r'(?:[Ff]inding\(\s*|[{,] ?)"([A-Z]{3,})"(?:,|:)', said))
    table = (DOCS / "checks.md").read_text().partition("<!-- doctor begins -->")[2]
    assert set(re.findall(r"^\| ([A-Z]+) \|", table, re.MULTILINE)) == ids


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
