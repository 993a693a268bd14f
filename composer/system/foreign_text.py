"""The one whitelist for text of others: what jobs, hosts, engines, kits and files say, before it is shown. Pure.

A terminal obeys what is written to it: it can be made to show a line that nobody wrote, to overwrite those of others,
and to fill the clipboard. So nothing passes but what ``str.isprintable`` counts as printable, and the tab. That leaves
out control characters, marks that turn the direction of writing, and what some programs take for a line's end.
"""

from __future__ import annotations

import re

# ECMA-48: control sequences, then strings that a terminal swallows whole (titles, links, the clipboard), then the rest.
_COLOUR = r"\x1b\[[0-9;:]{0,64}m"
_SEQUENCE = r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
_STRING = r"(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
_ESCAPE = r"\x1b[ -/]*[0-Z\\^-~]"
_TOKEN = re.compile(rf"({_COLOUR})|{_SEQUENCE}|{_STRING}|{_ESCAPE}|[^\t -~\x1b\x80-\x9f]+|[\x1b\x80-\x9f]")
_INTRODUCERS = ("\x1b", "\x90", "\x98", "\x9b", "\x9d", "\x9e", "\x9f")
_RESET = "\x1b[0m"
_RESETS = (_RESET, "\x1b[m")
# What a terminal or a program that reads lines takes for the end of one.
_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_BREAK = re.compile(f"[{_BREAKS}]+")


def clean_line(text: str, colour: bool = False) -> str:
    """Return foreign text as one line in which nothing but printable characters and tabs is left.

    Args:
        text: What somebody wrote.
        colour: Keep colours; the last one ends where the line ends.
    """
    if text.isprintable():
        return text
    return _coloured(text.rstrip(_BREAKS)) if colour else _TOKEN.sub(_printable, text.rstrip(_BREAKS))


def clean_text(text: str, colour: bool = False) -> str:
    """Return lines that composer put together from foreign text, each as :func:`clean_line` returns it.

    Only a line feed begins a new line.
    """
    return "\n".join(clean_line(line, colour) for line in text.split("\n"))


def escape_line(text: str) -> str:
    """Return foreign text as one printable line that shows what is not printable as Python's escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def clip(text: str, most: int = 500) -> str:
    """Return the beginning of a text that would otherwise hide what stands around it."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _coloured(text: str) -> str:
    cleaned = _TOKEN.sub(lambda found: found[1] or _printable(found), text)
    last = cleaned.rfind("\x1b")
    return cleaned if last < 0 or cleaned.startswith(_RESETS, last) else cleaned + _RESET


def _printable(found: re.Match[str]) -> str:
    """Keep what is printable; spaces stand for other spaces and for the ends of lines."""
    text = found[0]
    if text.startswith(_INTRODUCERS):
        return ""
    return "".join(_replaced(char) for char in _BREAK.sub(" ", text))


def _replaced(char: str) -> str:
    if char.isprintable():
        return char
    return " " if char.isspace() else ""
