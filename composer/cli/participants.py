"""The verbs of single participants: start, stop, restart, exec, shell."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from composer.cli.options import TIMEOUT, WAIT, complete_participants, takes_deployment, talking
from composer.cli.prompts import can_ask
from composer.model.reporter import some_of

if TYPE_CHECKING:
    from composer.cli.screen.terminal import Terminal
    from composer.model.status import FederationStatus

_NAMES = click.argument("names", metavar="[PARTICIPANT]...", nargs=-1, shell_complete=complete_participants)
_DETACH = click.option("-d", "--detach", is_flag=True, help="Do not wait until they are registered.")
# What stands behind the participant is the program's own.
_OF_A_PROGRAM = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.command()
@talking
@_NAMES
@takes_deployment
@_DETACH
@TIMEOUT
@WAIT
def start(
    terminal: Terminal, names: tuple[str, ...], deployment: Path, detach: bool, timeout: float, wait: bool
) -> None:
    """Start participants, all unless some are named; the rest goes on."""
    from composer.usecases import participants as use_case

    _tell(terminal, use_case.start(deployment, names, terminal, None if detach else timeout, wait), detach)


@click.command()
@talking
@_NAMES
@takes_deployment
@_DETACH
@TIMEOUT
@WAIT
def restart(
    terminal: Terminal, names: tuple[str, ...], deployment: Path, detach: bool, timeout: float, wait: bool
) -> None:
    """Stop participants and start them again, from what the deployment folder holds now; the rest goes on."""
    from composer.usecases import participants as use_case

    _tell(terminal, use_case.restart(deployment, names, terminal, None if detach else timeout, wait), detach)


@click.command()
@talking
@_NAMES
@takes_deployment
@WAIT
def stop(terminal: Terminal, names: tuple[str, ...], deployment: Path, wait: bool) -> None:
    """Stop participants, all unless some are named; they stay down, after a reboot, too, until start or up."""
    from composer.usecases import participants as use_case

    ran = use_case.stop(deployment, names, terminal, wait)
    terminal.done(f"stopped: {some_of(ran)}" if ran else "none of them ran; nothing changed")


@click.command("exec", context_settings=_OF_A_PROGRAM)
@talking
@takes_deployment
@click.argument("name", metavar="PARTICIPANT", shell_complete=complete_participants)
@click.argument("argv", metavar="[--] PROGRAM [ARGS]...", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(terminal: Terminal, deployment: Path, name: str, argv: tuple[str, ...]) -> None:
    """Run a program where a participant runs: with its files, names and Python.

    \b
    composer exec site-1 -- python3 -c 'import torch; print(torch.cuda.is_available())'
    """  # noqa: D301
    from composer.usecases import participants as use_case

    argv = argv[1:] if argv[0] == "--" else argv
    if not argv:
        raise click.UsageError("name a program behind --")
    sys.exit(use_case.execute(deployment, name, argv, can_ask() and sys.stdout.isatty(), terminal))


@click.command()
@talking
@takes_deployment
@click.argument("name", metavar="PARTICIPANT", shell_complete=complete_participants)
def shell(terminal: Terminal, deployment: Path, name: str) -> None:
    """Open a shell where a participant runs."""
    from composer.usecases import participants as use_case

    sys.exit(use_case.execute(deployment, name, ("bash",), can_ask() and sys.stdout.isatty(), terminal))


def _tell(terminal: Terminal, status: FederationStatus, detach: bool) -> None:
    names = some_of([one.name for one in status.participants])
    if not status.changed:
        terminal.done(f"already running, nothing changed: {names}")
    elif detach:
        terminal.done(f"starting: {names}; see who is registered with: composer status")
    else:
        terminal.done(f"registered: {names}")
