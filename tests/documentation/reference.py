"""The parts of the reference that are made of code: commands, keys of composer.yml, JSON documents, the man page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from composer.cli import cli
from composer.definition import definition_schema
from composer.definition.keys import KEYS
from tests.conftest import ROOT
from tests.documentation.roff import manual

DOCS = ROOT / "docs"
_BEGIN, _END = "<!-- generated begins -->\n", "<!-- generated ends -->\n"
_WIDTH = 100
_WHERE = {
    "Definition": "At the top",
    "ImageChoice": "Below `image` and `participants.NAME.image`",
    "HostChoice": "Below `hosts.NAME`",
    "ParticipantChoice": "Below `participants.NAME`",
    "DataMount": "Items of `participants.NAME.data`",
}


def generated() -> Mapping[Path, str]:
    """Return every file that is made of code, or has a part that is, with its whole text."""
    return {
        DOCS / "reference/commands.md": _with_part(DOCS / "reference/commands.md", "".join(_commands())),
        DOCS / "reference/composer-yml.md": _with_part(DOCS / "reference/composer-yml.md", "".join(_keys())),
        DOCS / "reference/composer.schema.json": json.dumps(definition_schema(), indent=2, ensure_ascii=False) + "\n",
        DOCS / "composer.1": manual(all_commands()),
    }


def all_commands() -> Iterator[tuple[str, click.Context]]:
    """Yield every command with its whole name, subcommands behind their own, and the group of all first."""
    top = click.Context(cli, info_name="composer", max_content_width=_WIDTH, terminal_width=_WIDTH)
    yield "composer", top
    yield from _below(top)


def _below(parent: click.Context) -> Iterator[tuple[str, click.Context]]:
    group = parent.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        assert command is not None
        context = click.Context(command, parent, name, max_content_width=_WIDTH, terminal_width=_WIDTH)
        yield context.command_path, context
        if isinstance(command, click.Group):
            yield from _below(context)


def _with_part(page: Path, part: str) -> str:
    head, begin, rest = page.read_text().partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    assert begin, f"{page} has no place for what is generated"
    assert end, f"{page} does not say where it ends"
    return f"{head}{_BEGIN}{part}{_END}{tail}"


def _commands() -> Iterator[str]:
    for name, context in all_commands():
        yield f"\n## {name}\n\n```text\n{context.get_help()}\n```\n"


def _keys() -> Iterator[str]:
    for kind, keys in KEYS.items():
        yield f"\n## {_WHERE[kind]}\n\n| key | for | example |\n|---|---|---|\n"
        for name, key in keys.items():
            yield f"| `{name}` | {key.description} | `{name}: {key.example}` |\n"
