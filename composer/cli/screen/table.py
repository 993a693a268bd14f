"""Tables that fit the width that there is: lesser columns go first, and no name is ever cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from composer.system.foreign_text import clean_line

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_GAP = 2
# Of the column without a heading, whose sentences go on in the next line.
_SENTENCE = 24


class FittingTable:
    """An aligned table without lines, for rich to draw; no markup is read in it.

    Args:
        columns: The headings; the cells of one without a heading are sentences, which are wrapped, or are told below
            the table where it has no room for them.
        rows: The cells, each row with its style.
        lesser: The columns that may be left out where there is no room, the least first.
    """

    def __init__(
        self, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]], lesser: Sequence[str] = ()
    ) -> None:
        self._columns = tuple(columns)
        self._rows = tuple((style, tuple(clean_line(cell) for cell in cells)) for style, cells in rows)
        self._lesser = tuple(lesser)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw what fits into the width."""
        from rich.table import Table
        from rich.text import Text

        shown, below = self._fitting(options.max_width), []
        if self._width(shown) > options.max_width:
            below = [at for at in shown if not self._columns[at]]
            shown = [at for at in shown if self._columns[at]]
        drawn = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
        # Where not even the least of it fits, a name goes on in the next line.
        tight = self._width(shown) > options.max_width
        for at in shown:
            drawn.add_column(self._columns[at], no_wrap=bool(self._columns[at]) and not tight, overflow="fold")
        for style, cells in self._rows:
            drawn.add_row(*(Text(cells[at]) for at in shown), style=style)
        yield drawn
        for style, cells in self._rows:
            yield from (Text(f"{cells[0]}: {cells[at]}", style) for at in below if cells[at])

    def _fitting(self, width: int) -> list[int]:
        """The columns that are shown, by their numbers."""
        shown = list(range(len(self._columns)))
        for name in self._lesser:
            if self._width(shown) <= width:
                break
            shown = [at for at in shown if self._columns[at] != name]
        return shown

    def _width(self, shown: Sequence[int]) -> int:
        from rich.cells import cell_len

        widths = [max(map(cell_len, (self._columns[at], *(cells[at] for _, cells in self._rows)))) for at in shown]
        widths = [
            width if self._columns[at] else min(width, _SENTENCE) for at, width in zip(shown, widths, strict=True)
        ]
        return sum(widths) + _GAP * (len(widths) - 1)
