"""The command that looks at kits and runs nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from composer.cli.options import AS_JSON, IGNORE, takes_kits, talking

if TYPE_CHECKING:
    from composer.cli.screen.terminal import Terminal
    from composer.usecases.inputs import Inputs


@click.command()
@talking
@takes_kits
@AS_JSON
@IGNORE
@click.option("--root-fingerprint", default="", metavar="HEX", help="SHA-256 that rootCA.pem must have.")
@click.option("--warn-days", type=click.IntRange(min=0), help="Warn of certificates that end in fewer days.")
def check(
    terminal: Terminal,  # noqa: ARG001
    inputs: Inputs,
    as_json: bool,
    ignore: tuple[str, ...],
    root_fingerprint: str,
    warn_days: int | None,
) -> None:
    """Look at kits offline, before anything runs; exit with 3 if one is bad."""
    from composer.cli.screen import output
    from composer.usecases.check import check as check_inputs

    report = check_inputs(inputs, ignore, root_fingerprint, warn_days)
    if as_json:
        output.print_json(output.check_document(report))
    else:
        output.print_check(report)
    sys.exit(0 if report.ok else 3)


@click.command()
@talking
@takes_kits
@AS_JSON
def doctor(terminal: Terminal, inputs: Inputs, as_json: bool) -> None:
    """Check this machine; with KITS, also check that it meets their needs. Exit with 3 if something is wrong."""
    from dataclasses import asdict

    from composer.cli.screen import output
    from composer.usecases.doctor import doctor as examine

    findings = examine(inputs)
    if as_json:
        output.print_json([asdict(finding) for finding in findings])
    else:
        output.print_findings(findings)
    if not findings and not as_json:
        terminal.done("this machine is fine")
    sys.exit(3 if any(finding.severity == "error" for finding in findings) else 0)
