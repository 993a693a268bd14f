"""What rules about causes are made of: how something is seen in what is known, and how it is told. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from composer.model.cause import Cause
from composer.system.foreign_text import clip

E = TypeVar("E")
_MOST_LINE, _MOST_WORD = 300, 120


@dataclass(frozen=True)
class Seen:
    """The lines that say something, and the words in them that a sentence takes over."""

    lines: tuple[str, ...]
    words: Mapping[str, str]


@dataclass(frozen=True)
class Rule(Generic[E]):
    """A cause: its id, how it is seen, and how it is told.

    ``message`` and ``fix`` may name words of what was seen. One of ``last_resort`` is told where none before it holds.
    """

    id: str
    look: Callable[[E], Seen | None]
    message: str
    fix: str
    last_resort: bool = False


def find_causes(rules: Sequence[Rule[E]], evidence: E, about: str, words: Mapping[str, str]) -> tuple[Cause, ...]:
    """Return what holds of a table of rules, in its order; of several of one id the first.

    Args:
        rules: The table, the most telling rule first.
        evidence: What is known.
        about: Of whom.
        words: What every sentence may name.
    """
    found: dict[str, Cause] = {}
    for rule in rules:
        seen = None if rule.id in found or (found and rule.last_resort) else rule.look(evidence)
        if seen:
            known = {**words, **seen.words}
            message, fix = rule.message.format(**known), rule.fix.format(**known)
            found[rule.id] = Cause(rule.id, about, message, shown(seen.lines), fix)
    return tuple(found.values())


def last_match(pattern: re.Pattern[str], lines: Iterable[str]) -> re.Match[str] | None:
    """Return the match in the last line that has one."""
    return next((found for line in reversed(tuple(lines)) if (found := pattern.search(line))), None)


def shown(lines: Iterable[str]) -> tuple[str, ...]:
    """Return lines as they may stand below a sentence."""
    return tuple(clip(line.strip(), _MOST_LINE) for line in lines if line.strip())


def words_of(found: re.Match[str]) -> dict[str, str]:
    """Return the named groups of a match, as they may stand in a sentence."""
    return {key: clip(value or "", _MOST_WORD) for key, value in found.groupdict().items()}
