"""Completion in shells: the command that prints the script, and what is completed beyond commands and options.

A shell asks at each press of Tab, so nothing is imported here but what click has imported already. Names come from
files that somebody else may have written, and land on the command line: only those are offered that no shell reads as
more than a word.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

_VARIABLE = "_COMPOSER_COMPLETE"
_WORD = re.compile(r"[\w@./+:~-]+", re.ASCII)
_KITS_OF_A_PROJECT = re.compile(r"prod_\d{2,}")
_ARCHIVES = (".zip", ".tar.gz", ".tgz")
# From the workspace's parent to a kit: workspace/PROJECT/prod_NN/KIT.
_DEEPEST = 4
_MOST_FOLDERS = 500
# As read_manifest has it of a thousand sites, tenfold.
_LARGEST_MANIFEST = 32 * 2**20


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes composer's commands, kits and participants in a shell.

    \b
    composer completion bash > ~/.local/share/bash-completion/completions/composer
    composer completion zsh > FOLDER-OF-YOUR-fpath/_composer
    composer completion fish > ~/.config/fish/completions/composer.fish
    """  # noqa: D301
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, "composer", _VARIABLE).source())


def complete_participants(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Return the participants of the deployment that begin so and are not named yet."""
    return [CompletionItem(name) for name, _ in _participants(context, parameter, typed)]


def complete_admins(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Return the administrators of the deployment that begin so."""
    return [CompletionItem(name) for name, kind in _participants(context, parameter, typed) if kind == "admin"]


def complete_kits(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:  # noqa: ARG001
    """Return the kits, folders of kits and archives below the folder that is typed; all other files are the shell's."""
    folder, _, begins = typed.rpartition("/")
    written = f"{folder}/" if "/" in typed else ""
    place = Path(written or ".").expanduser()
    found = (f"{written}{name}" for name in _kits_below(place, begins))
    return [*(CompletionItem(one) for one in found if _WORD.fullmatch(one)), CompletionItem(typed, type="file")]


def _participants(context: click.Context, parameter: click.Parameter, typed: str) -> Iterator[tuple[str, str]]:
    named = context.params.get(parameter.name or "") or ()
    for one in _read_participants(_deployment(context)):
        name, kind = one.get("name"), one.get("type")
        if isinstance(name, str) and _WORD.fullmatch(name) and name.startswith(typed) and name not in named:
            yield name, str(kind)


def _deployment(context: click.Context) -> Path:
    """Where -C before the command stands, it is the group's."""
    before = context.find_root().params.get("deployment")
    return Path(before or context.params.get("deployment") or "deployment")


def _read_participants(deployment: Path) -> list[dict[str, Any]]:
    try:
        manifest = deployment / "manifest.json"
        if not manifest.is_file() or manifest.stat().st_size > _LARGEST_MANIFEST:
            return []
        document = json.loads(manifest.read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    participants = document.get("participants") if isinstance(document, dict) else None
    return [one for one in participants if isinstance(one, dict)] if isinstance(participants, list) else []


def _kits_below(place: Path, begins: str) -> Iterator[str]:
    """Yield what is found below a folder, by its path from there, breadth first and not without end."""
    queue, looked_at = [("", 1)], 0
    while queue and looked_at < _MOST_FOLDERS:
        below, depth = queue.pop(0)
        looked_at += 1
        for name, is_folder in _entries(place / below):
            if not below and not name.startswith(begins):
                continue
            inner = f"{below}{name}"
            if not is_folder:
                if name.endswith(_ARCHIVES) and not below:
                    yield inner
                continue
            if _KITS_OF_A_PROJECT.fullmatch(name) or (place / inner / "startup").is_dir():
                yield inner
            if depth < _DEEPEST and not (place / inner / "startup").is_dir():
                queue.append((f"{inner}/", depth + 1))


def _entries(folder: Path) -> list[tuple[str, bool]]:
    try:
        with os.scandir(folder) as found:
            return sorted((one.name, one.is_dir()) for one in found if not one.name.startswith("."))
    except OSError:
        return []
