"""The command that makes archives to copy and start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from composer.cli.options import IGNORE, PATH, takes_kits, talking
from composer.cli.prompts import can_ask, secret
from composer.model.errors import ComposerError

if TYPE_CHECKING:
    from composer.cli.screen.terminal import Terminal
    from composer.model.kinds import RuntimeName
    from composer.usecases.inputs import Inputs

_TYPED = "passphrase"


@click.command()
@talking
@takes_kits
@click.option("-o", "--output", "folder", type=PATH, required=True, metavar="DIR", help="Where the archives are put.")
@click.option("--runtime", type=click.Choice(["process", "docker"]), help="[default: runtime of composer.yml]")
@click.option("--with-wheels", is_flag=True, help="Put in all Python packages: no index is needed there (process).")
@click.option("--with-images", is_flag=True, help="Put in the images, built before: composer build (docker).")
@click.option("--python", metavar="3.N", help="Python of the target host (for --with-wheels). [default: this one's]")
@click.option(
    "--platform",
    "machine",
    type=click.Choice(["x86_64", "aarch64"]),
    help="CPU of the target host (for --with-wheels).",
)
@click.option(
    "--encrypt",
    "recipients",
    multiple=True,
    metavar="KEY",
    help="Encrypt with age for a public key (age1...), which may be given again, or with a «passphrase» "
    "from $COMPOSER_PASSPHRASE or a prompt.",
)
@IGNORE
def bundle(
    terminal: Terminal,
    inputs: Inputs,
    folder: Path,
    runtime: RuntimeName | None,
    with_wheels: bool,
    with_images: bool,
    python: str | None,
    machine: str | None,
    recipients: tuple[str, ...],
    ignore: tuple[str, ...],
) -> None:
    """Make an archive for each host: unpack it there and run ./start.sh.

    Hosts are those of composer.yml; a participant that is on none has an archive of its own. The far side needs
    no composer.
    """
    from composer.usecases.bundle import Packing, bundle

    keys = tuple(recipient for recipient in recipients if recipient != _TYPED)
    passphrase = _passphrase(keys) if _TYPED in recipients else ""
    packing = Packing(runtime, with_wheels, with_images, _version(python), machine, keys, passphrase)
    for made in bundle(inputs, folder, packing, terminal, ignore):
        click.echo(f"{made.sha256}  {made.path}")
    terminal.done("give each its SHA-256 by another way than the archive itself")


def _version(text: str | None) -> str | None:
    parts = text.split(".") if text else []
    if text and not (len(parts) == 2 and all(part.isdecimal() for part in parts)):
        raise click.BadParameter(f"{text!r} is no version such as 3.11", param_hint="--python")
    return text


def _passphrase(keys: tuple[str, ...]) -> str:
    if keys:
        raise ComposerError("age encrypts for keys or with a passphrase, not both", "give --encrypt one kind")
    given = os.environ.get("COMPOSER_PASSPHRASE", "")
    if not given and can_ask():
        given = secret("Passphrase", twice=True)
    if not given:
        raise ComposerError("there is no passphrase", "give it in $COMPOSER_PASSPHRASE")
    return given
