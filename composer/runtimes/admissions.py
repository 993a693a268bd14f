"""Whom a server has, as its own log tells. Pure: bytes in, names out.

The texts are those of NVFLARE's ``ClientManager`` and ``FederatedServer``, the same from 2.4 to 2.9 but for the
bearer token that 2.8 and older write between them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

# The whole beginning of a line counts: a text that a client has the server write stands behind another level or logger.
_EVENT = re.compile(
    rb"^(?:\x1b\[[0-9;]*m)*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - (?:"
    # Everybody has to come again to a server that begins anew.
    rb"CoreCell - INFO - (?P<begins>server: creating listener on )"
    # Since 2.6 a context may stand before the message.
    rb"|(?:ClientManager|FederatedServer) - INFO - (?:\[[^\]\n]*\] - )?(?:"
    rb"Client: New (?:client|relay) (?P<joined>\S+)@\S+ joined\. Sent token"
    rb"|Re-activate the client: ?(?P<back>\S+)"
    rb"|Client Name:(?P<left>\S+) left\."
    rb"|Remove the dead Client\. Name: (?P<dead>\S+?)\."
    rb"))",
    re.MULTILINE,
)


def admissions(log: bytes, names: Collection[str]) -> Mapping[str, bool]:
    """Return whether the server has each participant that it ever had; none that the log does not name.

    Args:
        log: The server's ``log.txt`` or its end.
        names: Those of the participants; any other is none.
    """
    has: dict[str, bool] = {}
    for event in _EVENT.finditer(log):
        kind, name = event.lastgroup or "", event.group(event.lastgroup or 0).decode("utf-8", "replace")
        if kind == "begins":
            has = dict.fromkeys(has, False)
        elif name in names:
            has[name] = kind in ("joined", "back")
    return has
