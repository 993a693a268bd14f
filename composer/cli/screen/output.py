"""What people and programs read on standard output: tables, JSON, lines.

With :mod:`composer.cli.screen.terminal` this is the only user of rich.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from composer.cli.screen.table import FittingTable
from composer.model.errors import ComposerError
from composer.model.finding import Finding
from composer.model.status import FederationStatus, ImageStatus, ParticipantStatus
from composer.system.foreign_text import clean_line, clean_text
from composer.system.signals import Signalled

if TYPE_CHECKING:
    from composer.kits.checks import CheckReport
    from composer.model.topology import Topology

_STATUS_FIELDS = (
    "name",
    "type",
    "host",
    "state",
    "health",
    "registered",
    "since",
    "certificate_days_left",
    "image",
    "restarts",
    "image_fresh",
    "drift",
    "detail",
)


# Of the table of `composer status`, those that are left out where there is no room, the least first.
_LESSER = ("IMAGE", "RESTARTS", "SINCE", "HEALTH", "TYPE", "HOST", "CERTIFICATE", "REGISTERED")
_WATCH = 2.0
PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}


def print_status(status: FederationStatus, as_json: bool = False) -> None:
    """Print a row per participant on standard output."""
    if as_json:
        print_json(status_document(status))
    else:
        print_drawing(status_table(status))


def watch_status(look: Callable[[], FederationStatus], as_json: bool = False) -> bool:
    """Show what ``look`` sees every two seconds until Ctrl-C, in place on a terminal.

    A look that fails is told and tried again, since an engine that restarts is back in a moment; the first one must
    not fail.

    Returns:
        Whether all was well at the last look.

    Raises:
        ComposerError: The first look failed.
    """
    show = _in_place if sys.stdout.isatty() and not as_json else _in_lines(as_json)
    seen, well = look(), False
    try:
        with show(seen) as draw:
            well = seen.healthy
            while True:
                time.sleep(_WATCH)
                try:
                    seen = look()
                except ComposerError as error:
                    well = False
                    draw(seen, error)
                else:
                    well = seen.healthy
                    draw(seen, None)
    except Signalled as signalled:
        if signalled.number != signal.SIGINT:
            raise
    return well


# Draws what was seen last, and why the look after it has failed, if it has.
_Draw = Callable[[FederationStatus, "ComposerError | None"], None]


@contextlib.contextmanager
def _in_place(seen: FederationStatus) -> Iterator[_Draw]:
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    with Live(status_table(seen), auto_refresh=False) as live:

        def draw(seen: FederationStatus, error: ComposerError | None) -> None:
            below = [Text(_failed(error), style="red")] if error else []
            live.update(Group(status_table(seen), *below), refresh=True)

        yield draw


def _in_lines(as_json: bool) -> Callable[[FederationStatus], contextlib.AbstractContextManager[_Draw]]:
    def draw(seen: FederationStatus, error: ComposerError | None) -> None:
        if error:
            print(_failed(error), file=sys.stderr, flush=True)
        else:
            print_status(seen, as_json)
            sys.stdout.flush()

    @contextlib.contextmanager
    def lines(seen: FederationStatus) -> Iterator[_Draw]:
        draw(seen, None)
        yield draw

    return lines


def _failed(error: ComposerError) -> str:
    return clean_line(f"error: {error.message}; trying again")


def print_table(columns: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Print an aligned table on standard output; each row comes with its style."""
    print_drawing(FittingTable(columns, rows))


def print_drawing(drawing: object) -> None:
    """Print a table on standard output, no wider than the terminal."""
    from rich.console import Console

    # Without a terminal there is no width to keep to: whoever reads the lines wants them whole.
    Console(width=None if sys.stdout.isatty() else 1000).print(drawing)


def print_lines(text: str) -> None:
    """Print text on standard output at once: printable characters, and colours where it is a terminal."""
    print(clean_text(text, colour=sys.stdout.isatty()), flush=True)


def print_json(document: object) -> None:
    """Print a value as JSON on standard output."""
    print(json.dumps(document, indent=2, default=_plain))


def status_document(status: FederationStatus) -> dict[str, object]:
    """Return what ``composer status --json`` prints. Fields may be added, never renamed."""
    rows = [asdict(participant) for participant in status.participants]
    return {
        "federation": status.federation,
        "healthy": status.healthy,
        "participants": [{name: row[name] for name in _STATUS_FIELDS} for row in rows],
    }


def check_document(report: CheckReport) -> dict[str, object]:
    """Return what ``composer check --json`` prints. Fields may be added, never renamed."""
    kits = [{**asdict(kit), "path": str(kit.path)} for kit in report.kits]
    return {"ok": report.ok, "kits": kits, "findings": [asdict(finding) for finding in report.findings]}


def print_findings(findings: Sequence[Finding]) -> None:
    """Print what was found, each with what to do about it, on standard output."""
    from rich.console import Console

    console = Console(soft_wrap=not sys.stdout.isatty())
    for finding in findings:
        about = f"{finding.kit}: " if finding.kit else ""
        said = clean_line(f"[{finding.severity.upper()} {finding.id}] {about}{finding.message}")
        console.print(said, style=_STYLES[finding.severity], **PLAIN)
        console.print(clean_text(f"    {finding.fix}"), **PLAIN)


def print_check(report: CheckReport) -> None:
    """Print what was found, a row per kit, and the sum on standard output."""
    from rich.console import Console

    console = Console(soft_wrap=not sys.stdout.isatty())
    print_findings(report.findings)
    if report.findings:
        console.print()
    print_drawing(_check_table(report))
    console.print(f"\nsigned: {_signed(report)}", **PLAIN)
    for fingerprint in sorted({kit.root_fingerprint for kit in report.kits} - {""}):
        console.print(f"\nauthority (SHA-256 of rootCA.pem): {fingerprint}", **PLAIN)
    errors = sum(finding.severity == "error" for finding in report.findings)
    warnings = len(report.findings) - errors
    kits = f"{len(report.kits)} kit{'' if len(report.kits) == 1 else 's'}"
    console.print(f"{kits}, {errors or 'no'} errors, {warnings or 'no'} warnings", **PLAIN)


def _signed(report: CheckReport) -> str:
    """What the signatures are of: not every release signs, and none verifies all that it signs."""
    signed = [kit for kit in report.kits if kit.signed]
    if not signed:
        return "nothing; NVFLARE 2.8 and newer sign only kits with homomorphic encryption"
    folders = " and ".join(dict.fromkeys(folder for kit in signed for folder in kit.signed))
    return f"{folders} in {len(signed)} of {len(report.kits)} kits; NVFLARE itself never verifies local/"


def _check_table(report: CheckReport) -> Any:
    now = datetime.now(timezone.utc)
    worst: dict[str, str] = {}
    for finding in report.findings:
        worst[finding.kit] = "red" if "red" in (worst.get(finding.kit), _STYLES[finding.severity]) else "yellow"
    rows = [
        (
            worst.get(kit.name, "green"),
            (
                kit.name,
                kit.type or "?",
                kit.release or "?",
                kit.project or "-",
                str((kit.certificate_not_after - now).days) if kit.certificate_not_after else "?",
            ),
        )
        for kit in report.kits
    ]
    return FittingTable(("NAME", "TYPE", "RELEASE", "PROJECT", "DAYS LEFT"), rows, ("PROJECT", "RELEASE", "TYPE"))


_STYLES = {"error": "red", "warning": "yellow"}


def print_images(images: Sequence[ImageStatus]) -> None:
    """Print a row per participant's image on standard output."""
    rows = [
        (
            {"fresh": "green", "stale": "yellow"}.get(image.state, "red"),
            (
                image.name,
                image.host,
                image.tag,
                image.id.removeprefix("sha256:")[:12],
                _megabytes(image.size),
                _megabytes(image.shared),
                _megabytes(image.own),
                image.nvflare,
                _ago(image.built),
                image.state,
            ),
        )
        for image in images
    ]
    columns = ("NAME", "HOST", "IMAGE", "ID", "SIZE", "SHARED", "OWN", "NVFLARE", "BUILT", "")
    print_drawing(FittingTable(columns, rows, ("SHARED", "OWN", "ID", "IMAGE", "BUILT", "NVFLARE", "SIZE", "HOST")))


def print_picture(topology: Topology) -> None:
    """Print a federation as a tree on standard output, no wider than the terminal; elsewhere as wide as it is."""
    from composer.cli.screen.picture import draw

    if not sys.stdout.isatty():
        print("\n".join(line.text for line in draw(topology, None)))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for line in draw(topology, console.width):
        console.print(Text.assemble(*line.pieces, no_wrap=True, overflow="ignore"), crop=False, **PLAIN)


def images_document(images: Sequence[ImageStatus]) -> dict[str, object]:
    """Return what ``composer images --json`` prints. Fields may be added, never renamed."""
    return {"images": [asdict(image) for image in images]}


def status_table(status: FederationStatus) -> Any:
    """Return the table of ``composer status``, for rich to draw."""
    columns: dict[str, Callable[[ParticipantStatus], str]] = {
        "NAME": lambda one: one.name,
        "TYPE": lambda one: one.type,
        "HOST": lambda one: one.host,
        "STATE": lambda one: one.state,
        "HEALTH": lambda one: one.health,
        "REGISTERED": lambda one: "yes" if one.registered else "no",
        "SINCE": lambda one: _ago(one.since),
        "RESTARTS": lambda one: str(one.restarts),
        "CERTIFICATE": lambda one: "expired" if one.expired else f"{one.certificate_days_left} d",
        "IMAGE": lambda one: "fresh" if one.image_fresh else "stale",
        "": lambda one: "; ".join(part for part in (one.detail, one.drift) if part),
    }
    if not any(participant.detail or participant.drift for participant in status.participants):
        del columns[""]
    rows = [(_style(one), [cell(one) for cell in columns.values()]) for one in status.participants]
    return FittingTable(tuple(columns), rows, _LESSER)


def _style(participant: ParticipantStatus) -> str:
    if participant.well:
        return "green"
    return "yellow" if participant.state == "running" else "red"


def _ago(since: datetime | None) -> str:
    if since is None:
        return "-"
    seconds = int((datetime.now(timezone.utc) - since).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size else "0"


def _plain(value: object) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
