"""Takes out of log lines what must not be passed on. Pure."""

from __future__ import annotations

import re

from composer.system.foreign_text import clean_line

# NVFLARE 2.8 and older write a site's bearer token into the logs of the server and of the site itself.
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# Each blank can be matched in one way only: two `\s*` side by side make a line of blanks take minutes.
_TOKEN = re.compile(rf"(?i:(\b(?:token|ssid)['\"]?\s*(?:[:=]\s*)?['\"]?)){_UUID}")
_SESSION = re.compile(r"(\bSSID:\s*)(?!<)[^\s,;]+")


def redact(line: str) -> str:
    """Return a log line without bearer tokens and session ids."""
    return _SESSION.sub(r"\1<redacted>", _TOKEN.sub(r"\1<redacted>", line))


def clean_log_line(line: str, colour: bool = False) -> str:
    """Return a line that a participant wrote as it may be shown: harmless to a terminal, without bearer tokens."""
    return redact(clean_line(line, colour))
