"""The verbs of a deployment's life: generate, build, up, status, logs, down, admin."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from composer.cli.options import (
    AS_JSON,
    DETACH,
    DRY_RUN,
    FORCE,
    IGNORE,
    PLAN_AS_JSON,
    WAIT,
    YES,
    complete_participants,
    number_of_lines,
    takes_deployment,
    takes_kits,
    talking,
)
from composer.cli.prompts import can_ask, confirmed
from composer.cli.starts import asking, show_plan, tell_of_start
from composer.model.errors import ComposerError
from composer.model.reporter import some_of
from composer.system.signals import Signalled

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from composer.cli.screen.terminal import Terminal
    from composer.usecases.inputs import Inputs


def _require_dry_run(dry_run: bool, as_json: bool) -> None:
    if as_json and not dry_run:
        raise click.UsageError("--json prints what would be done: add --dry-run")


@click.command()
@talking
@takes_kits
@FORCE
@DRY_RUN
@PLAN_AS_JSON
@WAIT
@IGNORE
def generate(
    terminal: Terminal, inputs: Inputs, force: bool, dry_run: bool, as_json: bool, wait: bool, ignore: tuple[str, ...]
) -> None:
    """Write the deployment folder; run nothing."""
    from composer.usecases import generate as use_case

    _require_dry_run(dry_run, as_json)
    if dry_run:
        show_plan(use_case.plan_generate(inputs, terminal, force, ignore), as_json)
        return
    generated = use_case.generate(inputs, terminal, force, wait, ignore)
    changes = f"{len(generated.changed)} files written" if generated.changed else "nothing changed"
    terminal.done(f"{inputs.deployment}: {changes}")


@click.command()
@talking
@takes_kits
@click.option("--offline", is_flag=True, help="Fetch nothing: no network for any step, no image pulled.")
@IGNORE
@FORCE
@DRY_RUN
@PLAN_AS_JSON
@WAIT
def build(
    terminal: Terminal,
    inputs: Inputs,
    offline: bool,
    ignore: tuple[str, ...],
    force: bool,
    dry_run: bool,
    as_json: bool,
    wait: bool,
) -> None:
    """Generate, then build the images that are missing or stale."""
    from composer.usecases import build as use_case

    _require_dry_run(dry_run, as_json)
    if dry_run:
        show_plan(use_case.plan_build(inputs, terminal, force, offline, ignore), as_json)
        return
    built = use_case.build(inputs, terminal, force, offline, wait, ignore)
    terminal.done(f"built the images of {', '.join(built)}" if built else "all images are fresh")


@click.command()
@talking
@takes_kits
@DETACH
@click.option("--build", is_flag=True, hidden=True, help="As always: what is missing or stale is built.")
@click.option(
    "-t",
    "--timeout",
    "--wait-timeout",
    "timeout",
    type=click.FloatRange(min=0),
    default=120.0,
    show_default=True,
    help="Seconds to wait.",
)
@YES
@click.option(
    "--remove",
    "--remove-orphans",
    "remove",
    is_flag=True,
    help="Stop and remove participants that run and are not among KITS.",
)
@IGNORE
@FORCE
@DRY_RUN
@AS_JSON
@WAIT
def up(
    terminal: Terminal,
    inputs: Inputs,
    as_json: bool,
    detach: bool,
    timeout: float,
    yes: bool,
    remove: bool,
    build: bool,  # noqa: ARG001
    ignore: tuple[str, ...],
    force: bool,
    dry_run: bool,
    wait: bool,
) -> None:
    """Generate and build what is stale, start, and wait until all are registered."""
    from composer.usecases import up as use_case

    if dry_run:
        show_plan(use_case.plan_up(inputs, terminal, force, ignore), as_json)
        return

    seconds = None if detach else timeout
    agreed, agreed_too = asking(terminal, yes), asking(terminal, remove)
    status = use_case.up(inputs, terminal, seconds, force, wait, ignore, confirm=agreed, remove=agreed_too)
    tell_of_start(terminal, status, detach, as_json)


@click.command()
@talking
@takes_deployment
@AS_JSON
@click.option("-a", "--all", "everybody", is_flag=True, hidden=True, help="As always: those who are stopped, too.")
@click.option("-w", "--watch", is_flag=True, help="Draw it again every two seconds, until Ctrl-C.")
def status(
    terminal: Terminal,  # noqa: ARG001
    deployment: Path,
    as_json: bool,
    watch: bool,
    everybody: bool,  # noqa: ARG001
) -> None:
    """Show a row per participant; exit with 3 unless all is well."""
    from composer.cli.screen import output
    from composer.usecases import status as use_case

    if watch:
        well = output.watch_status(lambda: use_case.status(deployment), as_json)
    else:
        seen = use_case.status(deployment)
        output.print_status(seen, as_json)
        well = seen.healthy
    sys.exit(0 if well else 3)


@click.command()
@talking
@click.argument("names", metavar="[PARTICIPANT]...", nargs=-1, shell_complete=complete_participants)
@takes_deployment
@click.option("-f", "--follow", is_flag=True, help="Follow: keep printing new lines.")
@click.option(
    "-n",
    "--tail",
    "--lines",
    "lines",
    metavar="N",
    callback=number_of_lines,
    help="Only so many of the last lines of each, or all.",
)
@click.option("--since", metavar="TIME", help="Only from then on: 2026-01-31T08:00:00Z, or 1h30m ago.")
@click.option("--job", metavar="ID", help="What they wrote of one job: its id, or how that begins.")
@click.option("--no-color", "--no-colour", "plain", is_flag=True, help="No colours, as where NO_COLOR is set.")
@click.option("-t", "--timestamps", is_flag=True, help="Docker's own time before each line.")
def logs(
    terminal: Terminal,
    names: tuple[str, ...],
    deployment: Path,
    follow: bool,
    lines: int | None,
    since: str | None,
    timestamps: bool,
    job: str | None,
    plain: bool,
) -> None:
    """Print the participants' logs, or with --job those of a job."""
    from composer.cli.screen import output
    from composer.usecases import logs as use_case

    if job is not None and (follow or since or timestamps):
        raise click.UsageError("--job goes with -n alone: a job's log is read once")
    try:
        colour = sys.stdout.isatty() and not plain
        use_case.logs(
            deployment, names, output.print_lines, follow, lines, since, colour, terminal, timestamps, job or ""
        )
    except Signalled as signalled:
        # It is how one ends what goes on without end: there is nothing to tell.
        if follow and signalled.number == signal.SIGINT:
            sys.exit(signalled.exit_code)
        raise


@click.command()
@talking
@takes_kits
def diff(terminal: Terminal, inputs: Inputs) -> None:
    """Show what generate would change; exit with 3 if it would change anything."""
    from composer.cli.screen import output
    from composer.deployment.difference import unified
    from composer.usecases import diff as use_case

    found = use_case.diff(inputs)
    for difference in found:
        output.print_lines(unified(difference).rstrip("\n"))
    if not found:
        terminal.done(f"{inputs.deployment}: generate would change nothing")
    sys.exit(3 if found else 0)


@click.command()
@talking
@takes_deployment
@click.option("--remove-orphans", is_flag=True, hidden=True, help="As always: nobody of the deployment goes on.")
@click.option("--purge", is_flag=True, help="Delete the deployment folder too, with workspaces and job store.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before deleting.")
@DRY_RUN
@PLAN_AS_JSON
@WAIT
def down(
    terminal: Terminal,
    deployment: Path,
    purge: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    wait: bool,
    remove_orphans: bool,  # noqa: ARG001
) -> None:
    """Stop and remove the containers; kits, workspaces and job store stay."""
    from composer.usecases import down as use_case

    _require_dry_run(dry_run, as_json)
    if dry_run:
        show_plan(use_case.plan_down(deployment, terminal, purge), as_json)
        return

    def ask(question: str) -> bool:
        terminal.pause()
        if yes:
            return True
        if not can_ask():
            raise ComposerError(
                "nothing was stopped or deleted: nobody can be asked here, where there is no terminal",
                "agree with --yes, or leave out --purge to keep workspaces and jobs",
            )
        return confirmed(question)

    ended = use_case.down(deployment, terminal, purge, ask, wait)
    deleted = "" if deployment.exists() else f"; {deployment} is deleted, with workspaces and job store"
    terminal.done((f"stopped: {some_of(ended)}" if ended else "nothing ran") + deleted)


def _complete_admins(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    from composer.cli.completion import complete_admins

    return complete_admins(context, parameter, typed)


class _WithArguments(click.Command):
    """A command that keeps what stands behind ``--`` for another program; click itself forgets where it began."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        ctx.obj = tuple(args[end + 1 :])
        return super().parse_args(ctx, args[:end])


@click.command(cls=_WithArguments)
@talking
@click.argument("name", required=False, metavar="[NAME] [-- ARGS...]", shell_complete=_complete_admins)
@takes_deployment
@click.pass_obj
def admin(arguments: tuple[str, ...], terminal: Terminal, name: str | None, deployment: Path) -> None:
    """Open NVFLARE's admin console, or run one `nvflare ARGS`.

    \b
    composer admin
    composer admin -- job submit -j ./job
    composer admin lead@hospital.example -- job list
    """  # noqa: D301
    from composer.usecases import admin as use_case

    sys.exit(use_case.admin(deployment, name, arguments, can_ask() and sys.stdout.isatty(), terminal))
