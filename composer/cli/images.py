"""Commands around images: wheels, and images with what it moves and lists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from composer.cli.options import AS_JSON, PATH, takes_deployment, takes_kits, talking

if TYPE_CHECKING:
    from composer.cli.screen.terminal import Terminal
    from composer.usecases.inputs import Inputs


@click.command()
@talking
@takes_kits
@click.option("-o", "--output", type=PATH, required=True, metavar="DIR", help="Where the wheels are put.")
def wheels(terminal: Terminal, inputs: Inputs, output: Path) -> None:
    """Collect the wheels for building where there is no Internet."""
    from composer.usecases import images as use_cases

    names = use_cases.wheels(inputs, output, terminal)
    terminal.done(f"{len(names)} wheels are in {output}; name it in composer.yml as image.wheels")


@click.group(invoke_without_command=True)
@click.pass_context
@takes_deployment
@AS_JSON
def images(context: click.Context, deployment: Path, as_json: bool) -> None:
    """Show a row per participant's image; save, load and list what is in them."""
    if context.invoked_subcommand is None:
        context.invoke(_listing, deployment=deployment, as_json=as_json)


@click.command()
@talking
def _listing(terminal: Terminal, deployment: Path, as_json: bool) -> None:  # noqa: ARG001
    from composer.cli.screen import output
    from composer.usecases import images as use_cases

    rows = use_cases.list_images(deployment)
    if as_json:
        output.print_json(output.images_document(rows))
    else:
        output.print_images(rows)


@images.command()
@talking
@takes_deployment
@click.argument("folder", type=PATH, metavar="DIR")
def save(terminal: Terminal, deployment: Path, folder: Path) -> None:
    """Write all images to DIR, what they share once, to load them elsewhere."""
    from composer.usecases import images as use_cases

    sha256 = use_cases.save(deployment, folder, terminal)
    terminal.done(f"the images are in {folder}; there: composer images load {folder.name} --sha256 {sha256}")


@images.command()
@talking
@takes_deployment
def push(terminal: Terminal, deployment: Path) -> None:
    """Push all images to the registry that composer.yml names (image.registry)."""
    from composer.usecases import images as use_cases

    tags = use_cases.push(deployment, terminal)
    terminal.done(f"pushed {', '.join(tags)}; composer up pulls them")


@images.command()
@talking
@click.argument("folder", type=PATH, metavar="DIR")
@click.option("--sha256", default="", metavar="HEX", help="The archive's, as images save said it; told by another way.")
def load(terminal: Terminal, folder: Path, sha256: str) -> None:
    """Load the images that `composer images save` wrote to DIR.

    Whoever can change DIR can change what it says of itself: only --sha256 shows that they are those of the sender.
    """
    from composer.usecases import images as use_cases

    tags = use_cases.load(folder, sha256, terminal)
    terminal.done(f"loaded {', '.join(tags)}")


@images.command()
@talking
@takes_deployment
@click.argument("folder", type=PATH, metavar="DIR")
def sbom(terminal: Terminal, deployment: Path, folder: Path) -> None:
    """Write a bill of materials per participant to DIR: what is really installed (CycloneDX)."""
    from composer.usecases import images as use_cases

    written = use_cases.write_sboms(deployment, folder, terminal)
    terminal.done(f"wrote {', '.join(written)} to {folder}")
