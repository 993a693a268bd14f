"""What a server wrote last, a record a line. Pure.

Of a log of JSON documents no line can be forged: an end of a line that a site has sent is escaped there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain

from composer.runtimes.admissions import ServerLog
from composer.system.redact import clean_log_line

_PARTS = ("asctime", "name", "levelname", "message")


def server_records(log: ServerLog, words: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the records, the newest last, each as one line that may be shown.

    Args:
        log: The end of a server's log.
        words: Only those in which one of these stands; empty: all.
    """
    sought = tuple(word.encode() for word in words)
    lines = (line for line in log.content.split(b"\n") if not sought or any(word in line for word in sought))
    if log.documents:
        return tuple(chain.from_iterable(map(_documented, lines)))
    return tuple(clean_log_line(line.decode("utf-8", "replace")) for line in lines)


def _documented(line: bytes) -> Iterator[str]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return
    if isinstance(record, dict):
        said = " - ".join(str(record.get(part, "")) for part in _PARTS)
        yield clean_log_line(" ".join(said.split("\n")))
