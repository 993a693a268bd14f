"""Commands around kits that run nothing of a federation: hosts, provision, schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from composer.cli.options import PATH, nearby_definition, takes_definition, takes_kits, talking

if TYPE_CHECKING:
    from composer.cli.screen.terminal import Terminal
    from composer.usecases.inputs import Inputs


@click.command()
@talking
@takes_kits
def hosts(terminal: Terminal, inputs: Inputs) -> None:  # noqa: ARG001
    """Print the /etc/hosts lines of the federation."""
    from composer.usecases.hosts import hosts as entries

    click.echo(entries(inputs), nl=False)


@click.command()
@talking
@click.argument("project", type=PATH, metavar="PROJECT.yml")
@click.option(
    "-w",
    "--workspace",
    type=PATH,
    default=Path("workspace"),
    show_default=True,
    help="NVFLARE's workspace.",
)
def provision(terminal: Terminal, project: Path, workspace: Path) -> None:
    """Run NVFLARE's own provisioner; print where the kits are."""
    from composer.usecases.provision import provision as run_provisioner

    click.echo(run_provisioner(project, workspace, terminal))


@click.command()
@talking
@click.argument("folder", type=PATH, default=Path("composer-demo"), metavar="[FOLDER]")
@takes_definition
def demo(terminal: Terminal, folder: Path, definition: Path | None) -> None:
    """Provision a sample project, run it and a job, show the result.

    All of it is put into FOLDER, ./composer-demo by default, and stays there.
    """
    from composer.usecases.demo import demo as run_demo

    result = run_demo(folder, definition or nearby_definition(), terminal)
    terminal.done(f"job {result.job}: {result.status}")
    click.echo(f"weights before: {result.before}\nafter 3 rounds: {result.after}")


@click.command()
def schema() -> None:
    """Print the JSON Schema of composer.yml, for editors."""
    from composer.cli.screen.output import print_json
    from composer.definition import definition_schema

    print_json(definition_schema())
