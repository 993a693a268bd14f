"""Moments in the forms in which Docker writes and takes them.

They are those of ``GetTimestamp`` in Moby's ``api/types/time``: Go's durations, Unix seconds, and RFC 3339, of which
the end may be left out, with a zone or in this machine's own; and the form in which NVFLARE's logs have them.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from composer.model.errors import ComposerError

_RFC_3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?)?(?:(Z)|([+-])(\d\d):(\d\d))?", re.ASCII
)
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_SPAN = re.compile(rf"(\d+\.?\d*|\.\d+)({'|'.join(_UNITS)})", re.ASCII)
_DURATION = re.compile(rf"([+-]?)((?:{_SPAN.pattern})+)", re.ASCII)
_UNIX = re.compile(r"\d+(\.\d{1,9})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Go's durations are nanoseconds in 64 bits.
_LONGEST = 2**63


def parse_rfc_3339(text: str) -> datetime:
    """Return a time that is written as RFC 3339; one without a zone is in this machine's own.

    The time of day, its minutes or its seconds may be left out, and a blank may stand in place of the T.

    Raises:
        ValueError: It is no such time.
    """
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    microsecond = int((found[7] or "")[:6].ljust(6, "0"))
    time = datetime(year, month, day, hour, minute, second, microsecond)
    if found[8]:
        return time.replace(tzinfo=timezone.utc)
    if found[9]:
        ahead = timedelta(hours=int(found[10]), minutes=int(found[11]))
        return time.replace(tzinfo=timezone(ahead if found[9] == "+" else -ahead))
    return time.astimezone()


def moment(since: str, now: datetime) -> datetime:
    """Return the moment that a user names, in UTC.

    Args:
        since: RFC 3339, how long ago (``1h30m``, ``1.5h``, ``90s``), or Unix seconds.
        now: The present.

    Raises:
        ComposerError: It is none of these.
    """
    from decimal import Decimal

    try:
        if duration := _DURATION.fullmatch(since):
            length = sum(int(Decimal(number) * _UNITS[unit]) for number, unit in _SPAN.findall(duration[2]))
            if length >= _LONGEST:
                raise OverflowError(since)
            ago = timedelta(microseconds=length // 1000)
            return now + ago if duration[1] == "-" else now - ago
        if _UNIX.fullmatch(since):
            return _EPOCH + timedelta(microseconds=int(Decimal(since) * 10**6))
        return parse_rfc_3339(since).astimezone(timezone.utc)
    except (ValueError, OverflowError, ArithmeticError) as error:
        raise ComposerError(
            f"--since: {since!r} is no time",
            "write it as 2026-01-31T08:00:00Z, as Unix seconds, or how long ago in hours, minutes and seconds: 1h30m",
        ) from error


def as_docker_takes_it(time: datetime) -> str:
    """Return a moment in the one form that every tool of Docker takes for the same moment."""
    return f"{time.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
