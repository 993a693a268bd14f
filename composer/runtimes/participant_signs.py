"""How the signs of a cause are seen in what is known of a participant. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from composer.model.cause import ParticipantEvidence
from composer.runtimes.causes import Seen, last_match, words_of
from composer.system.foreign_text import clip

Look = Callable[[ParticipantEvidence], "Seen | None"]
_PROBED = re.compile(r": (?:name|port|route|clock|TLS): ")
_ERROR = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Failure|NotFound|Warning)?(?::|$)")


def in_state(*states: str) -> Look:
    """That it is in one of these states."""

    def look(evidence: ParticipantEvidence) -> Seen | None:
        status = evidence.status
        return Seen((f"it is {status.state}", *_parts(status.detail)), {}) if status.state in states else None

    return look


def told(pattern: str) -> Look:
    """That a probe, or what runs it, says so."""
    compiled = re.compile(pattern)

    def look(evidence: ParticipantEvidence) -> Seen | None:
        for part in (*_parts(evidence.status.detail), *_parts(evidence.status.drift)):
            if found := compiled.search(part):
                return Seen((part,), words_of(found))
        return None

    return look


def wrote(pattern: str) -> Look:
    """That the participant wrote so itself."""
    compiled = re.compile(pattern)

    def look(evidence: ParticipantEvidence) -> Seen | None:
        found = last_match(compiled, evidence.log)
        return Seen((found.string,), words_of(found)) if found else None

    return look


def server_wrote(pattern: str) -> Look:
    """That the server wrote so of the participant, for whose name NAME stands."""

    def look(evidence: ParticipantEvidence) -> Seen | None:
        compiled = re.compile(pattern.replace("NAME", re.escape(evidence.status.name) + r"(?![\w-]|\.\w)"))
        found = last_match(compiled, evidence.server_log)
        return Seen((f"the server's log: {found.string}",), words_of(found)) if found else None

    return look


def reached(*looks: Look) -> Look:
    """The first of several signs, of who reaches the server now: what it was told before it was cut off is over."""

    def look(evidence: ParticipantEvidence) -> Seen | None:
        if _PROBED.search(evidence.status.detail):
            return None
        return next((seen for one in looks if (seen := one(evidence))), None)

    return look


def crashing(look: Look) -> Look:
    """A sign, of who does not stay up alone."""

    def of_a_crash(evidence: ParticipantEvidence) -> Seen | None:
        status = evidence.status
        crashes = status.state in ("restarting", "exited") or "crash" in status.detail
        return look(replace(evidence, log=_last_life(evidence.log))) if crashes else None

    return of_a_crash


def _last_life(log: tuple[str, ...]) -> tuple[str, ...]:
    """From the end of the life before the one that ended last: what ended others may be mended by now."""
    ends = [at for at, line in enumerate(log) if "ended by itself with status" in line]
    return log[ends[-2] + 1 :] if len(ends) > 1 else log


def traceback(evidence: ParticipantEvidence) -> Seen | None:
    """The last line of the last traceback: what stands there without an indent."""
    begins = [at for at, line in enumerate(evidence.log) if line.startswith("Traceback (most recent call last)")]
    for at in reversed(begins):
        line = next((line for line in evidence.log[at + 1 :] if line[:1].strip()), "")
        if _ERROR.match(line):
            return Seen((line,), {"error": clip(line, 160)})
    return None


def server_is_away(evidence: ParticipantEvidence) -> Seen | None:
    """That the server of the same deployment does not serve, of who waits for it."""
    server, status = evidence.server, evidence.status
    if server is None or status.type == "server" or status.state != "running":
        return None
    if server.state == "unknown" or (server.state == "running" and server.registered):
        return None
    return Seen((f"{server.name} is {server.state}", *_parts(server.detail)), {"server": server.name})


def silent_server(evidence: ParticipantEvidence) -> Seen | None:
    """That a server runs and does not listen."""
    return told(": port: ")(evidence) if evidence.status.type == "server" else None


def expired(evidence: ParticipantEvidence) -> Seen | None:
    """That its certificate has ended."""
    days = evidence.status.certificate_days_left
    return Seen((f"its certificate ended {-days} days ago",), {}) if evidence.status.expired else None


def unhealthy(evidence: ParticipantEvidence) -> Seen | None:
    """That its health check fails while it is registered."""
    status = evidence.status
    unhealthy = status.state == "running" and status.registered and status.health == "unhealthy"
    return Seen((f"health: {status.health}",), {}) if unhealthy else None


def _parts(detail: str) -> tuple[str, ...]:
    return tuple(part for part in detail.split("; ") if part)
