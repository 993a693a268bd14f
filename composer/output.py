"""What people and programs read: data on standard output, talk on standard error, and the only user of rich."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from composer.errors import ComposerError
from composer.model import FederationStatus, ParticipantStatus

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

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
    "detail",
)


class Terminal:
    """The :class:`composer.app.Talk` of the command line: progress on a terminal, plain lines elsewhere.

    Args:
        verbosity: -1 says nothing but errors; 0 says what is done; 1 shows the commands and their output too.
    """

    def __init__(self, verbosity: int = 0) -> None:
        self._verbosity = verbosity
        self._live: Live | None = None
        self._seen: dict[str, str] = {}
        self._console: Console | None = None

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_live()

    def step(self, text: str) -> None:
        """Say what begins now."""
        self._end_live()
        if self._verbosity < 0:
            return
        if self._drawing:
            from rich.live import Live
            from rich.spinner import Spinner

            self._live = Live(Spinner("dots", text=text), console=self._err, transient=True, refresh_per_second=10)
            self._live.start()
        else:
            print(text, file=sys.stderr, flush=True)

    def done(self, text: str) -> None:
        """Say how it ended."""
        self._end_live()
        if self._verbosity >= 0:
            self._err.print(text, style="green", highlight=False, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Say what the user should know though it stops nothing."""
        if self._verbosity >= 0:
            self._err.print(f"warning: {text}", style="yellow", highlight=False, markup=False, soft_wrap=True)

    def command(self, line: str) -> None:
        """Show a command that is about to run."""
        if self._verbosity > 0:
            self._end_live()
            self._err.print(f"$ {line}", style="dim", highlight=False, markup=False, soft_wrap=True)

    def output(self, line: str) -> None:
        """Show a line that a long command wrote: all of them with -v, else the last beside the spinner."""
        if self._verbosity > 0:
            print(line, file=sys.stderr, flush=True)

    def progress(self, status: FederationStatus) -> None:
        """Show how far the participants are: a table that is drawn again, or a line for each news."""
        if self._verbosity < 0:
            return
        if self._drawing and self._live:
            self._live.update(status_table(status))
            return
        for participant in status.participants:
            news = _news(participant)
            if news and self._seen.get(participant.name) != news:
                print(f"  {participant.name}: {news}", file=sys.stderr, flush=True)
            self._seen[participant.name] = news

    def error(self, error: ComposerError) -> None:
        """Say the cause and what to do."""
        self._end_live()
        for number, line in enumerate(error.message.splitlines() or [""]):
            self._err.print(f"{'error:' if number == 0 else '      '} {line}", style="red", **_PLAIN)
        if error.hint:
            self._err.print(f" hint: {error.hint}", **_PLAIN)

    @property
    def _err(self) -> Console:
        if self._console is None:
            from rich.console import Console

            self._console = Console(stderr=True)
        return self._console

    @property
    def _drawing(self) -> bool:
        return sys.stderr.isatty() and self._verbosity == 0

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


_PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}


def print_status(status: FederationStatus) -> None:
    """Print a row per participant on standard output."""
    from rich.console import Console

    Console(soft_wrap=not sys.stdout.isatty()).print(status_table(status))


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


def status_table(status: FederationStatus) -> Any:
    """Return the table of ``composer status``, for rich to draw."""
    rows = [
        (
            ("green" if participant.well else "yellow" if participant.state == "running" else "red"),
            (
                participant.name,
                participant.type,
                participant.host,
                participant.state,
                participant.health,
                "yes" if participant.registered else "no",
                _ago(participant.since),
                str(participant.certificate_days_left),
                str(participant.restarts),
                participant.detail,
            ),
        )
        for participant in status.participants
    ]
    columns = ("NAME", "TYPE", "HOST", "STATE", "HEALTH", "REGISTERED", "SINCE", "CERT DAYS", "RESTARTS", "")
    return table(columns, rows)


def table(columns: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> Any:
    """Return an aligned table without lines; each row comes with its style."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for style, cells in rows:
        drawn.add_row(*(Text(cell) for cell in cells), style=style)
    return drawn


def _news(participant: ParticipantStatus) -> str:
    if participant.registered:
        return "serves" if participant.type == "server" else "registered"
    if participant.state == "running":
        return "started"
    return participant.detail or ("" if participant.state in ("absent", "created") else participant.state)


def _ago(since: datetime | None) -> str:
    if since is None:
        return "-"
    seconds = int((datetime.now(timezone.utc) - since).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def _plain(value: object) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
