"""Takes out of log lines what must not be passed on. Pure."""

from __future__ import annotations

import re

# NVFLARE 2.8 and older write a site's bearer token into the logs of the server and of the site itself.
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_TOKEN = re.compile(rf"(?i:(\b(?:token|ssid)['\"]?\s*[:=]?\s*['\"]?)){_UUID}")
_SESSION = re.compile(r"(\bSSID:\s*)(?!<)[^\s,;]+")
_CURSOR = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]|\r")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def redact(line: str) -> str:
    """Return a log line without bearer tokens and session ids."""
    return _SESSION.sub(r"\1<redacted>", _TOKEN.sub(r"\1<redacted>", line))


def plain(line: str, colour: bool = False) -> str:
    """Return a line without what moves a terminal's cursor and, unless ``colour``, without colours."""
    text = _CURSOR.sub("", line)
    return text if colour else _COLOUR.sub("", text)
