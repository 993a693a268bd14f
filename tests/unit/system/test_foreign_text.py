"""Nothing that others wrote reaches a terminal but printable characters, tabs and, where they are wanted, colours."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from composer.system.foreign_text import clean_line, clean_text, clip, escape_line

COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
# Pieces of escape sequences side by side, so that what is taken out of the middle may leave another behind.
PIECES = [
    *["\x1b", "\x1b[", "\x1b]", "\x1bP", "\x1b\\", "\x9b", "\x9d", "\x9c", "\x07", "[", "]", "\\", "0", "31", ";", ":"],
    *["?", "m", "J", "H", "c", "M", "E", "8;;http://evil", "52;c;", "\r", "\n", "\v", "\f", "\x85", "\u2028", "\u2029"],
    *["\u202e", "\u2066", "\u200e", "\u200f", "\u061c", "\u200d", "\ufeff", "\xa0", "\u3000", "\x00", "\x08", "\x7f"],
    *["\t", " ", "a", "é", "病", "\U0001f600", "\U000e0041", "\ud800", "hub-1  | "],
]
FOREIGN = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
MANY = settings(max_examples=500, deadline=None)


def allowed(text: str) -> bool:
    return all(char.isprintable() or char == "\t" for char in text)


@given(FOREIGN)
@MANY
def test_only_printable_characters_and_tabs_are_left(text: str) -> None:
    assert allowed(clean_line(text))
    assert escape_line(text).isprintable()
    assert all(allowed(line) for line in clean_text(text).split("\n"))


@given(FOREIGN)
@MANY
def test_of_escape_sequences_only_colours_are_left_and_they_end_with_the_line(text: str) -> None:
    cleaned = clean_line(text, colour=True)
    assert allowed(COLOUR.sub("", cleaned))
    colours = COLOUR.findall(cleaned)
    assert not colours or colours[-1] in ("\x1b[0m", "\x1b[m")


@given(FOREIGN, st.booleans())
@MANY
def test_to_clean_twice_changes_nothing_more(text: str, colour: bool) -> None:
    once = clean_line(text, colour)
    assert clean_line(once, colour) == once
    assert clean_text(clean_text(text, colour), colour) == clean_text(text, colour)


@given(st.text().filter(str.isprintable))
@MANY
def test_printable_text_stays_as_it_is(text: str) -> None:
    assert clean_line(text) == clean_line(text, colour=True) == clean_text(text) == escape_line(text) == text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b[2K\x1b[32msite-1-1  | \x1b[0mx\r", "site-1-1  | x"),
        ("a\rhub-1  | forged", "a hub-1  | forged"),
        ("a\x85b\u2028c\vd\fe\r\nf", "a b c d e f"),
        (
            "\x1b]0;title\x07a\x1b]52;c;ZXZpbA==\x1b\\b\x1b]8;;http://evil\x1b\\good.example\x1b]8;;\x1b\\",
            "abgood.example",
        ),
        ("\x1bP1$r0m\x1b\\a\x9b2Jb\x1bMc\x1b[!pd\x1b[>ce\x1bc", "abcde"),
        ("an end\x1b]0;that never comes", "an end]0;that never comes"),
        ("\x1b\x1b[2J[2J", "[2J"),
        ("user\u202egnp.exe\u2066", "usergnp.exe"),
        ("1\xa0000\u30002", "1 000 2"),
        ("tab\tstays", "tab\tstays"),
    ],
)
def test_what_is_shown(written: str, shown: str) -> None:
    assert clean_line(written) == shown


def test_colours_stay_where_they_are_wanted() -> None:
    written = "\x1b[2K\x1b[32msite-1-1  | \x1b[0mx\x1b[38:2::1:2:3my\x1b[8m"
    assert clean_line(written, colour=True) == "\x1b[32msite-1-1  | \x1b[0mx\x1b[38:2::1:2:3my\x1b[8m\x1b[0m"


def test_names_show_what_is_not_printable() -> None:
    assert escape_line("\x1b]52;é\u202e\n") == "\\x1b]52;é\\u202e\\n"


def test_long_text_is_cut() -> None:
    assert clip("x" * 9, 9) == "x" * 9
    assert clip("x" * 10, 9) == "x" * 8 + "…"
