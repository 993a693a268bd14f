"""The command that says why somebody is not well, or a job does not run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from composer.cli.options import AS_JSON, takes_deployment, talking
from composer.model.reporter import some_of
from composer.system.foreign_text import clean_line

if TYPE_CHECKING:
    from composer.cli.screen.terminal import Terminal


@click.command()
@talking
@click.argument("about", metavar="[PARTICIPANT|JOB]", required=False)
@takes_deployment
@AS_JSON
def why(terminal: Terminal, about: str | None, deployment: Path, as_json: bool) -> None:
    """Say why a participant is not well, or a job waits or has failed.

    Each cause comes with what was seen and what to do, the most probable one first. Without an argument it tells of all
    who are not well and of jobs that the server cannot start. A job is named by its id, the beginning of it, or its
    name. Exit with 3 if anything is wrong, whether or not its cause is known.

    \b
    composer why site-1
    composer why 5c455017
    """  # noqa: D301
    from dataclasses import asdict

    from composer.cli.screen import output
    from composer.usecases.why import why as use_case

    found = use_case(deployment, about)
    if as_json:
        output.print_json(asdict(found))
    else:
        for cause in found.causes:
            lines = (
                f"[{cause.id}] {cause.about}: {cause.message}",
                *(f"    seen: {line}" for line in cause.evidence),
                f"    do: {cause.fix}",
            )
            output.print_lines("\n".join(map(clean_line, lines)))
        if not found.causes:
            terminal.done(f"nothing is wrong: {some_of(found.well)}" if found.well else "nobody is to run here")
    sys.exit(3 if found.causes else 0)
