"""What people read on standard error while something is done: steps, progress, warnings, errors."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from composer.cli.screen.output import PLAIN, status_table
from composer.model.errors import ComposerError
from composer.model.reporter import some_of
from composer.model.status import FederationStatus, ParticipantStatus
from composer.system.foreign_text import clean_line, clean_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

# A table's heading, and the line on which the prompt will be.
_ROOM = 2


class Terminal:
    """The :class:`composer.model.reporter.Reporter` of the command line: progress on a terminal, plain lines elsewhere.

    Whatever it is told may hold what others wrote, so all of it is cleaned here, and none is read as rich's markup.

    Args:
        verbosity: -1 says nothing but errors; 0 says what is done; 1 shows the commands and their output too.
    """

    def __init__(self, verbosity: int = 0) -> None:
        self._verbosity = verbosity
        self._live: Live | None = None
        self._text = ""
        self._seen: dict[str, str] = {}
        self._console: Console | None = None

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_live()

    def step(self, text: str) -> None:
        """Say what begins now."""
        self._end_live()
        text = clean_line(text)
        if self._verbosity < 0:
            return
        if self._drawing:
            from rich.live import Live

            self._text = text
            self._live = Live(_spinner(text), console=self._err, transient=True, refresh_per_second=10)
            self._live.start()
        else:
            self._say(text)

    def pause(self) -> None:
        """Draw nothing until there is something new to say: somebody else writes to the terminal."""
        self._end_live()

    def done(self, text: str) -> None:
        """Say how it ended."""
        self._end_live()
        if self._verbosity >= 0:
            self._say(clean_text(text), "green")

    def warn(self, text: str) -> None:
        """Say what the user should know though it stops nothing."""
        if self._verbosity >= 0:
            self._say(clean_text(f"warning: {text}"), "yellow")

    def command(self, line: str) -> None:
        """Show a command that is about to run."""
        if self._verbosity > 0:
            self._end_live()
            self._say(clean_text(f"$ {line}"), "dim")

    def output(self, line: str) -> None:
        """Show a line that a long command wrote: all of them with -v, else the last beside the spinner."""
        line = clean_line(line)
        if self._verbosity > 0:
            self._say(line)
        elif self._live and line.strip():
            self._live.update(_spinner(f"{self._text}  {line.strip()}", no_wrap=True))

    def progress(self, status: FederationStatus) -> None:
        """Show how far the participants are: a table that is drawn again, or a line for each news."""
        if self._verbosity < 0:
            return
        if self._drawing and self._live:
            self._live.update(self._drawn(status))
            return
        for participant in status.participants:
            news = _news(participant)
            if news and self._seen.get(participant.name) != news:
                self._say(clean_line(f"  {participant.name}: {news}"))
            self._seen[participant.name] = news

    def error(self, error: ComposerError) -> None:
        """Say the cause and what to do."""
        self._end_live()
        if error.details:
            self._say(clean_text(error.details))
        for number, line in enumerate(clean_text(error.message).split("\n")):
            self._say(f"{'error:' if number == 0 else '      '} {line}", "red")
        if error.hint:
            self._say(clean_text(f" hint: {error.hint}"))

    def _say(self, text: str, style: str | None = None) -> None:
        """Write lines; where nothing is drawn, without rich, whose import takes as long as many a command."""
        if sys.stderr.isatty() or os.environ.get("FORCE_COLOR"):
            self._err.print(text, style=style, **PLAIN)
        else:
            print(text, file=sys.stderr, flush=True)

    def _drawn(self, status: FederationStatus) -> Any:
        """The table, or where the terminal has too few lines for it, how many are still missing and who."""
        if len(status.participants) + _ROOM < self._err.height:
            return status_table(status)
        missing = [one.name for one in status.participants if not one.registered]
        arrived = len(status.participants) - len(missing)
        text = f"{self._text}: {arrived} of {len(status.participants)}; missing: {some_of(missing)}"
        return _spinner(clean_line(text))

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


def _spinner(text: str, no_wrap: bool = False) -> Any:
    """A Spinner reads markup in a str, so it never gets one."""
    from rich.spinner import Spinner
    from rich.text import Text

    return Spinner("dots", text=Text(text, no_wrap=no_wrap, overflow="ellipsis" if no_wrap else None))


def _news(participant: ParticipantStatus) -> str:
    if participant.registered:
        return "serves" if participant.type == "server" else "registered"
    if participant.state == "running":
        return "started"
    return participant.detail or ("" if participant.state in ("absent", "created") else participant.state)
