"""The command line: options in, one call of a use case, one print. The only user of click.

Commands import what they call when they are called, so that ``composer --help`` costs next to nothing.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from composer import __version__
from composer.cli.before import before_the_command
from composer.cli.spoken import ALIASES, meant, meant_by_option
from composer.cli.streams import OutputError, prepare_streams
from composer.system.foreign_text import clean_line
from composer.system.signals import Signalled, ignore, install

# Objects made between two looks for garbage. A command ends before there is much, and each look costs more than that.
_GARBAGE = 100_000


# The module that holds each command, by group, and in the order in which people need them.
_GROUPS = {
    "Run a federation": {
        "up": "run",
        "status": "run",
        "why": "why",
        "logs": "run",
        "admin": "run",
        "start": "participants",
        "stop": "participants",
        "restart": "participants",
        "add": "membership",
        "remove": "membership",
        "exec": "participants.execute",
        "shell": "participants",
        "down": "run",
    },
    "Before and beside it": {
        "check": "check",
        "doctor": "check",
        "history": "show",
        "topology": "show",
        "report": "show",
        "generate": "run",
        "diff": "run",
        "build": "run",
        "images": "images",
        "wheels": "images",
        "bundle": "bundle",
        "hosts": "kits",
        "provision": "kits",
        "demo": "kits",
        "schema": "kits",
        "completion": "completion",
    },
}
_COMMANDS = {name: module for group in _GROUPS.values() for name, module in group.items()}
_UNLISTED = {"help": "about.show_help", "version": "about.show_version"}


class _Group(click.Group):
    """Imports a command's module when somebody asks for the command."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = ALIASES.get(cmd_name, cmd_name)
        module = {**_COMMANDS, **_UNLISTED}.get(name)
        if module and name not in self.commands:
            # The function is called as its command is, unless another name stands behind the module's.
            where, _, called = module.partition(".")
            self.commands[name] = getattr(import_module(f"composer.cli.{where}"), called or name)
        return super().get_command(ctx, name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            command = meant(args, [*_COMMANDS, *ALIASES, *_UNLISTED])
            suggestion = f": did you mean `{command}`?" if command else "; `composer help` lists them"
            raise click.UsageError(f"There is no command {clean_line(args[0])}{suggestion}", ctx)
        option, line = meant_by_option(args[0], args[1:])
        if option:
            raise click.UsageError(f"`composer {args[0]}` has no option {option}: did you mean `{line}`?", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for group, names in _GROUPS.items():
            commands = {name: self.get_command(ctx, name) for name in names}
            with formatter.section(group):
                formatter.write_dl([(name, one.get_short_help_str(200)) for name, one in commands.items() if one])


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="composer")
@before_the_command
def cli() -> None:
    """Turns NVIDIA FLARE startup kits into a running, secure federation.

    KITS are a prod_NN folder, folders of single kits, or archives of either. Without them, composer takes
    those of composer.yml, or of the deployment's last run.

    \b
      composer up workspace/my-project/prod_00
      composer admin -- job submit -j ./job
    """  # noqa: D301


def main() -> NoReturn:
    """Run the ``composer`` command."""
    _speak_utf8()
    prepare_streams()
    gc.set_threshold(_GARBAGE)
    # pydantic would else look for plugins among all packages that are installed, and let them read the definition.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        install()
        status = _status()
        # One that is closed is None.
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except Signalled as signalled:
        # It came before the command was at work or after its end: of one in between, the command has told itself.
        ignore()
        click.echo(f"error: {signalled.told}", err=True)
        status = signalled.exit_code
    except BrokenPipeError:
        status = 141
    except OutputError as error:
        click.echo(f"error: the output cannot be written: {error}\n hint: make room where it goes", err=True)
        status = 1
    except OSError as error:
        file = f"{clean_line(os.fsdecode(error.filename))}: " if error.filename else ""
        cause = f"error: the system refuses what composer needs: {file}{error.strerror or error}"
        click.echo(f"{cause}\n hint: see what the machine is short of: ulimit -a, free, df", err=True)
        status = 1
    # At once, as mypy ends: taking the interpreter apart takes a quarter of the time of a short command.
    os._exit(status)


def _status() -> int:
    try:
        cli(prog_name="composer")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    raise AssertionError("click exits by itself")


def _speak_utf8() -> None:
    """Begin again in Python's UTF-8 mode where the locale means other bytes: all that is read and written is UTF-8."""
    if sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - itself
