"""The history of a deployment, as people and programs read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from composer.cli.screen.output import print_drawing, print_json
from composer.cli.screen.table import FittingTable
from composer.deployment.history import Change
from composer.model.reporter import some_of

_LESSER = ("SECONDS", "BY")


def print_history(changes: Sequence[Change], as_json: bool = False) -> None:
    """Print a row per change on standard output, the newest last."""
    if as_json:
        print_json({"changes": [asdict(change) for change in changes]})
        return
    rows = [
        (
            "green" if change.ended == "done" else "yellow",
            (
                f"{change.at.astimezone():%Y-%m-%d %H:%M}",
                change.by,
                f"{change.seconds:g}",
                "; ".join(_told(change)) or change.command,
            ),
        )
        for change in changes
    ]
    print_drawing(FittingTable(("WHEN", "BY", "SECONDS", ""), rows, _LESSER))


def _told(change: Change) -> Iterator[str]:
    if change.started:
        yield f"started {some_of(change.started)}"
    for name, why in change.restarted.items():
        yield f"restarted {name}: {why}"
    if change.stopped:
        yield f"stopped {some_of(change.stopped)}"
    if change.ended != "done":
        yield f"but {change.ended}"
