"""The verbs of a federation that grows and shrinks: add, remove."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from composer.cli.options import (
    AS_JSON,
    DETACH,
    DRY_RUN,
    IGNORE,
    TIMEOUT,
    WAIT,
    YES,
    complete_participants,
    takes_deployment,
    takes_kits,
    talking,
)
from composer.cli.starts import asking, show_plan, tell_of_start
from composer.model.reporter import some_of

if TYPE_CHECKING:
    from composer.cli.screen.terminal import Terminal
    from composer.usecases.inputs import Inputs
    from composer.usecases.membership import Membership


@click.command()
@talking
@takes_kits
@DETACH
@TIMEOUT
@YES
@IGNORE
@DRY_RUN
@AS_JSON
@WAIT
def add(
    terminal: Terminal,
    inputs: Inputs,
    as_json: bool,
    detach: bool,
    timeout: float,
    yes: bool,
    ignore: tuple[str, ...],
    dry_run: bool,
    wait: bool,
) -> None:
    """Let participants join, and bring all up; nobody who runs is restarted.

    KITS are those of who joins, or a whole prod_NN that NVFLARE has provisioned for one site more: who is of the
    federation already keeps the kit that it has.
    """
    from composer.usecases.membership import joined

    joining = joined(inputs)
    if not joining.names:
        terminal.done("all of them are of the federation already, nothing changed")
        return
    _bring_up(terminal, joining, (None if detach else timeout), yes, ignore, dry_run, as_json, wait)
    if not dry_run:
        terminal.done(f"joined: {some_of(joining.names)}")


@click.command()
@talking
@click.argument("names", metavar="PARTICIPANT...", nargs=-1, required=True, shell_complete=complete_participants)
@takes_deployment
@TIMEOUT
@DRY_RUN
@AS_JSON
@WAIT
def remove(
    terminal: Terminal,
    names: tuple[str, ...],
    deployment: Path,
    timeout: float,
    dry_run: bool,
    as_json: bool,
    wait: bool,
) -> None:
    """Let participants leave, and keep all others up; the workspaces of those who leave are kept."""
    from composer.cli.pin import pin_from
    from composer.usecases.inputs import Inputs
    from composer.usecases.membership import parted

    leaving = parted(deployment, names, Inputs((), None, deployment, pin_from(None)))
    _bring_up(terminal, leaving, timeout, False, (), dry_run, as_json, wait)
    if dry_run:
        return
    for one in leaving.left:
        # NVFLARE knows no list of revoked certificates, in no release.
        terminal.warn(
            f"the certificate of {one.name} is valid until {one.certificate_not_after:%Y-%m-%d}, and NVFLARE revokes "
            "none: whoever has its kit can join again; only kits with a new root rule that out"
        )
    terminal.done(f"left: {some_of(leaving.names)}")


def _bring_up(
    terminal: Terminal,
    change: Membership,
    seconds: float | None,
    yes: bool,
    ignore: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    wait: bool,
) -> None:
    from composer.usecases.up import plan_up, up

    if dry_run:
        show_plan(plan_up(change.inputs, terminal, ignore=ignore), as_json)
        return
    gone = [name for one in change.left for name in (one.name, one.service)]
    status = up(change.inputs, terminal, seconds, wait=wait, ignore=ignore, confirm=asking(terminal, yes), leaving=gone)
    tell_of_start(terminal, status, seconds is None, as_json)
