"""composer.state: what a participant's entrypoint says of itself, in a file that job code can write as well. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone

STATE_FILE = "composer.state"
# Longer than any that the entrypoint writes.
MOST = 64
_FORM = re.compile(rb"(started|registered|restarting|stopped) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z\n?")


def parse_state(content: bytes) -> tuple[str, datetime | None]:
    """Return the word and the time in it; nothing where it has not just the form in which the entrypoint writes."""
    found = _FORM.fullmatch(content)
    if found is None:
        return "", None
    try:
        time = datetime.fromisoformat(found[2].decode()).replace(tzinfo=timezone.utc)
    except ValueError:
        return "", None
    return found[1].decode(), time
