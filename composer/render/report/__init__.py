"""One page about a federation, of HTML that needs nothing beside it: no script, no request, no secret. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from composer.model.report import Report, Unknown
from composer.model.status import FederationStatus
from composer.render.markup import Element, element, html_text, style
from composer.render.report.parts import WHOLE, Tone, moment, plural, sign
from composer.render.report.running import events_section, jobs_section, participants_section, topology_section
from composer.render.report.supply import (
    certificate_tone,
    certificates_section,
    days_left,
    findings_section,
    images_section,
    versions_section,
)
from composer.render.templates import read_template

_GENERATOR = "flare-composer"
# Nothing is fetched, run or sent, whatever a name in a kit says; the styles are in the page.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


# A file, a page that a browser asks for again and again, or one that it asks for once, of which there is that other.
Live = Literal["", "live", "still"]
_NOTES: dict[Live, tuple[str, str, str]] = {
    "live": ("It is made anew every ten seconds. ", "still", "Stop that"),
    "still": ("It stays as it is. ", "./", "Make it anew every ten seconds"),
}


def is_report(head: bytes) -> bool:
    """Tell by the beginning of a file whether it is such a page."""
    return f'<meta name="generator" content="{_GENERATOR}">'.encode() in head


def render_report(report: Report, live: Live = "") -> str:
    """Return the page."""
    title = f"Federation {report.topology.federation}"
    css = "".join(read_template(f"report/{name}").decode() for name in ("report.css", "picture.css"))
    head = element(
        "head",
        {},
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "color-scheme", "content": "light dark"}),
        element("meta", {"name": "generator", "content": _GENERATOR}),
        element("meta", {"name": "robots", "content": "noindex"}),
        element("title", {}, title),
        style(css),
    )
    body = element(
        "body",
        {},
        element("a", {"class": "skip", "href": "#main"}, "Skip to the report"),
        _header(report, title, live),
        element(
            "main",
            {"id": "main", "tabindex": "-1"},
            topology_section(report),
            findings_section(report),
            participants_section(report),
            events_section(report),
            jobs_section(report),
            certificates_section(report),
            images_section(report),
            versions_section(report),
        ),
        element(
            "footer", {}, element("p", {}, f"Made by composer {report.composer}. No key and no password is in it.")
        ),
    )
    return html_text(element("html", {"lang": "en"}, head, body))


def _header(report: Report, title: str, live: Live) -> Element:
    about = element("p", {"class": "lead"}, f"{report.topology.words}. Seen at ", moment(report.made, WHOLE), ". ")
    if live:
        said, address, words = _NOTES[live]
        about.extend((element("span", {}, said), element("a", {"href": address}, words)))
    tiles = (
        element(
            "li", {}, element("a", {"href": f"#{name}"}, element("span", {"class": "label"}, label), sign(tone, text))
        )
        for name, label, tone, text in _sums(report)
    )
    summary = element("nav", {"aria-label": "Summary"}, element("ul", {"class": "tiles"}, *tiles))
    return element("header", {}, element("h1", {}, title), about, summary)


def _sums(report: Report) -> Iterator[tuple[str, str, Tone, str]]:
    """Each in a few words: a section's name, its label, how it stands and why."""
    yield ("participants", "Participants", *_participants(report))
    errors = sum(one.severity == "error" for one in report.findings)
    warnings = len(report.findings) - errors
    tone: Tone = "bad" if errors else "waiting" if warnings else "well"
    yield "findings", "Findings", tone, f"{plural(errors, 'error')}, {plural(warnings, 'warning')}"
    first = report.certificates[0]
    days = days_left(first.certificate.not_after, report.made)
    ends = f"first ends in {plural(days, 'day')}" if days >= 0 else f"that of {first.name} has ended"
    yield "certificates", "Certificates", certificate_tone(days), ends
    yield ("jobs", "Jobs", *_jobs(report))


def _participants(report: Report) -> tuple[Tone, str]:
    status = report.status
    if not isinstance(status, FederationStatus):
        return "", "not known" if status else "not started"
    there = sum(one.well for one in status.participants)
    return "well" if status.healthy else "bad", f"{there} of {len(status.participants)} are well"


def _jobs(report: Report) -> tuple[Tone, str]:
    if isinstance(report.jobs, Unknown):
        return "", "not known"
    if not report.jobs:
        return "", "none yet"
    running = sum(not job.ended for job in report.jobs)
    failed = sum(job.ended and not job.completed for job in report.jobs)
    tone: Tone = "waiting" if failed else "well"
    if running or failed:
        return tone, ", ".join(
            f"{number} {word}" for number, word in ((running, "running"), (failed, "failed")) if number
        )
    return tone, plural(len(report.jobs), "job") + " completed"
