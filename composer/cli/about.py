"""What composer says of itself."""

from __future__ import annotations

import click

from composer import __version__


@click.command("help")
@click.argument("words", metavar="[COMMAND]", nargs=-1)
@click.pass_context
def show_help(context: click.Context, words: tuple[str, ...]) -> None:
    """Print what --help prints."""
    shown = context.find_root()
    for word in words:
        group = shown.command
        command = group.resolve_command(shown, [word])[1] if isinstance(group, click.Group) else None
        if command is None:
            raise click.UsageError(f"{shown.command_path} has no command {word!r}", shown)
        shown = click.Context(command, info_name=word, parent=shown)
    click.echo(shown.get_help())


@click.command("version")
def show_version() -> None:
    """Print what --version prints."""
    click.echo(f"composer, version {__version__}")
