"""Whom a server has, as its own log tells. Pure: bytes in, names out.

The texts are those of NVFLARE's ``ClientManager`` and ``FederatedServer``, the same from 2.4 to 2.9 but for the
bearer token that 2.8 and older write between them.

NVFLARE writes into its log what clients send (topics, names of jobs, errors), ends of lines with it. In ``log.txt``
what stands behind one cannot be told from a record of the server's own. In ``log.json``, which 2.6 and newer write
beside it, each record is one JSON document on one line, in which an end of a line is escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timezone, tzinfo
from typing import TYPE_CHECKING, cast

from composer.system.times import parse_rfc_3339

if TYPE_CHECKING:
    from composer.model.report import Event, Happened

DOCUMENTS, TEXT = "log.json", "log.txt"
# NVFLARE writes each record to both files. Where the text is newer than the documents by this many seconds, a
# ``log_config.json`` has left these out, or the server has gone back to a release that does not write them.
LAG = 60

# The logger and the level count: a text that a client has the server write stands behind others.
_EVENT = (
    rb"(?:"
    # Everybody has to come again to a server that begins anew.
    rb"CoreCell - INFO - (?P<begins>server: creating listener on )"
    # Since 2.6 a context may stand before the message.
    rb"|(?:ClientManager|FederatedServer) - INFO - (?:\[[^\]\n]*\] - )?(?:"
    rb"Client: New (?:client|relay) (?P<joined>\S+)@\S+ joined\. Sent token"
    rb"|Re-activate the client: ?(?P<back>\S+)"
    rb"|Client Name:(?P<left>\S+) (?:\tToken: \S+ )?left\."
    rb"|Remove the dead Client\. Name: (?P<dead>\S+?)(?:\t Token: \S+?)?\.  Total"
    rb"))"
)
_LINE = re.compile(
    rb"^(?:\x1b\[[0-9;]*m)*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - " + _EVENT,
    re.MULTILINE,
)
_RECORD = re.compile(_EVENT)
# Most records are other news, and are not worth parsing.
_NEWS = re.compile(rb"creating listener on|joined\. Sent token|Re-activate the client|left\.|Remove the dead Client")


@dataclass(frozen=True)
class ServerLog:
    """The end of a server's log, and which of the two kinds it is; never guessed from what it says."""

    content: bytes
    documents: bool = False


def admissions(log: ServerLog) -> Mapping[str, bool]:
    """Return whether the server has each participant that it ever had; none that the log does not name.

    Args:
        log: What the server wrote last.
    """
    has: dict[str, bool] = {}
    events = (event for _, event in _documented(log.content)) if log.documents else _LINE.finditer(log.content)
    for kind, name in map(_told, events):
        if kind == "begins":
            has = dict.fromkeys(has, False)
        else:
            has[name] = kind in ("joined", "back")
    return has


def history(log: ServerLog, server: str, names: Collection[str], zone: tzinfo | None) -> tuple[Event, ...]:
    """Return who came and went when, the oldest first; nothing of a log whose lines a site can forge.

    Args:
        log: What the server wrote last.
        server: Its name.
        names: Those of the other participants; any other is none.
        zone: Of the server's clock; None: this machine's own.
    """
    # A command that looks at nobody's history need not know what it is.
    from composer.model.report import Event

    if not log.documents:
        return ()
    found = []
    for when, event in _documented(log.content):
        kind, name = _told(event)
        try:
            moment = parse_rfc_3339(when).replace(tzinfo=zone).astimezone(timezone.utc)
        except (ValueError, OverflowError):
            continue
        if kind == "begins" or name in names:
            found.append(Event(moment, server if kind == "begins" else name, cast("Happened", kind)))
    return tuple(found)


def _told(event: re.Match[bytes]) -> tuple[str, str]:
    """What happened, and to whom."""
    return event.lastgroup or "", event.group(event.lastgroup or 0).decode("utf-8", "replace")


def _documented(log: bytes) -> Iterator[tuple[str, re.Match[bytes]]]:
    """Return the events of a log of JSON documents, each with the time that stands beside it.

    The end of a document, with which what was read may begin, is none itself: within its texts each quote has a
    backslash before it.
    """
    for line in log.split(b"\n"):
        if not _NEWS.search(line):
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(record, dict):
            continue
        said = " - ".join(str(record.get(key, "")) for key in ("name", "levelname", "message"))
        if event := _RECORD.match(said.encode("utf-8", "replace")):
            yield str(record.get("asctime", "")), event
