"""What the sections of a report are made of: tables, notes, times. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Literal

from composer.model.report import Unknown
from composer.render.markup import Element, element

# How something stands: as it should, to be looked at, wrong, or nothing is said of it.
Tone = Literal["well", "waiting", "bad", ""]
Cell = Element | str | int

NOTHING = "–"
# Tables with more rows are opened by whoever wants to see them; on paper they are whole.
FEW = 40
DAY, WHOLE = "%Y-%m-%d", "%Y-%m-%d %H:%M UTC"
# Words of so few characters stay in one line.
_BRIEF = 20
_SIGNS: dict[Tone, str] = {"well": "●", "waiting": "◐", "bad": "◆", "": "○"}


def section(name: str, title: str, *parts: Element | None) -> Element:
    """Return a section with its heading; parts that are None are left out."""
    heading = element("h2", {"id": f"{name}-title"}, title)
    shown = (part for part in parts if part is not None)
    return element("section", {"id": name, "aria-labelledby": f"{name}-title"}, heading, *shown)


def paragraph(text: str, kind: str = "") -> Element:
    """Return a paragraph."""
    return element("p", {"class": kind} if kind else {}, text)


def unknown(what: str, why: Unknown) -> Element:
    """Return a note that something is not known, why, and what to do."""
    rest = f" ({why.hint})" if why.hint else ""
    return paragraph(f"{what}: {why.cause}{rest}.", "note")


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], few: int = FEW) -> Element | None:
    """Return a table, None where it has no rows; the first cell of a row is its heading.

    It can be scrolled by the keyboard where it is wider than the page, and is closed where it has many rows. Columns in
    which nobody has anything are left out.
    """
    cells = [tuple(row) for row in rows]
    if not cells:
        return None
    told = [at for at in range(len(columns)) if any(row[at] != NOTHING for row in cells)]
    lines = [_line([row[at] for at in told]) for row in cells]
    heads = (element("th", {"scope": "col"}, columns[at]) for at in told)
    drawn = element(
        "table",
        {},
        element("caption", {}, caption),
        element("thead", {}, element("tr", {}, *heads)),
        element("tbody", {}, *lines),
    )
    frame = element("div", {"class": "scroll", "role": "region", "tabindex": 0, "aria-label": caption}, drawn)
    if len(lines) <= few:
        return frame
    return element("details", {}, element("summary", {}, f"All {len(lines)} rows: {caption}"), frame)


def _line(row: Sequence[Cell]) -> Element:
    head, *cells = row
    return element(
        "tr", {}, element("th", {"scope": "row"}, _shown(head)), *(element("td", {}, _shown(one)) for one in cells)
    )


def _shown(cell: Cell) -> Element | str:
    if isinstance(cell, Element):
        return cell
    text = str(cell)
    return element("span", {"class": "brief" if len(text) <= _BRIEF else "words"}, text)


def sign(tone: Tone, text: str) -> Element:
    """Return words with a sign before them that can be told without colour; readers of the page hear the words."""
    mark = element("span", {"class": "sign", "aria-hidden": "true"}, f"{_SIGNS[tone]} ")
    return element("span", {"class": f"tone {tone}".strip()}, mark, text)


def code(text: str) -> Element:
    """Return what is typed or compared letter by letter."""
    return element("code", {"class": "long" if len(text) > _BRIEF else "brief"}, text)


def listed(names: Sequence[str]) -> Element:
    """Return a list of names in one line after the other's."""
    return element("ul", {"class": "names"}, *(element("li", {}, name) for name in names))


def moment(time: datetime | None, form: str = "%Y-%m-%d %H:%M") -> Element | str:
    """Return a time in UTC, as a heading beside it says, or its day alone; a dash where there is none."""
    if time is None:
        return NOTHING
    utc = time.astimezone(timezone.utc)
    return element("time", {"datetime": utc.strftime("%Y-%m-%dT%H:%M:%SZ")}, utc.strftime(form))


def duration(seconds: float) -> str:
    """Return how long something took, in two units."""
    whole = round(seconds)
    for size, unit, smaller, name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller} {name}"
    return f"{whole} s"


def megabytes(size: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{size / 1e6:,.1f} MB".replace(",", "\u202f") if size else "0"


def plural(number: int, word: str) -> str:
    """Return how many there are of something."""
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
