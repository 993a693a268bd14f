"""The commands that show a federation: as a picture, and as a report."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from composer.cli.options import AS_JSON, PATH, takes_deployment, takes_kits, talking
from composer.system.signals import Signalled

if TYPE_CHECKING:
    from composer.cli.screen.terminal import Terminal
    from composer.usecases.inputs import Inputs


@click.command()
@talking
@takes_kits
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "svg", "mermaid")),
    default="text",
    show_default=True,
    help="What to print the picture as.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def topology(terminal: Terminal, inputs: Inputs, form: str, as_json: bool) -> None:  # noqa: ARG001
    """Draw who runs where and who connects to whom, with ports and TLS.

    \b
    composer topology workspace/my-project/prod_00
    composer topology --format svg > federation.svg
    """  # noqa: D301
    from composer.cli.screen import output
    from composer.usecases.topology import topology as picture_of

    found = picture_of(inputs)
    if as_json:
        from composer.cli.screen.picture import topology_document

        output.print_json(topology_document(found))
    elif form == "svg":
        from composer.render.picture import render_svg

        click.echo(render_svg(found), nl=False)
    elif form == "mermaid":
        from composer.render.mermaid import render_mermaid

        click.echo(render_mermaid(found), nl=False)
    else:
        output.print_picture(found)


@click.command()
@talking
@takes_kits
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="FILE",
    help="The page; an older one is replaced.  [default: report.html]",
)
@click.option("--serve", is_flag=True, help="Show it as it is now to browsers on this machine, until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="With --serve: the port.  [default: a free one]")
def report(terminal: Terminal, inputs: Inputs, output: Path | None, serve: bool, port: int) -> None:
    """Write one page about the federation, to look at, to print, to hand on.

    It shows who connects to whom, who runs, jobs, certificates, images and findings. It needs nothing beside it, and
    no key and no password is in it. It can be made from kits alone, before anything runs.
    """
    from composer.usecases import report as use_case

    if serve:
        if output:
            raise click.UsageError("--serve writes no file: leave out -o")
        _serve(terminal, inputs, port)
        return
    file = output or Path("report.html")
    found = use_case.write_report(inputs, file)
    terminal.done(f"{file}: {found.topology.federation}, {found.topology.words}")


def _serve(terminal: Terminal, inputs: Inputs, port: int) -> None:
    from composer.usecases.live_report import serve_report

    def announce(address: str) -> None:
        click.echo(address)
        terminal.done("open that address in a browser on this machine; Ctrl-C ends it")

    try:
        serve_report(inputs, port, announce)
    except Signalled as signalled:
        # It is how one ends what goes on without end: there is nothing to tell.
        if signalled.number == signal.SIGINT:
            sys.exit(signalled.exit_code)
        raise


@click.command()
@talking
@takes_deployment
@click.option("-n", "--tail", "number", type=click.IntRange(min=1), help="The last so many alone.")
@AS_JSON
def history(terminal: Terminal, deployment: Path, number: int | None, as_json: bool) -> None:
    """Show what was changed, when, by whom, and how it ended; the newest comes last."""
    from composer.cli.screen import past
    from composer.usecases.history import history as changes_of

    changes = changes_of(deployment)[-(number or 0) :]
    if not changes and not as_json:
        terminal.done("nothing has been changed since composer keeps a history here")
        return
    past.print_history(changes, as_json)
