"""What a report says of how a federation runs: its picture, participants, who came and went, jobs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from itertools import groupby

from composer.model.kinds import LOCAL
from composer.model.report import Event, Job, Report, Unknown
from composer.model.status import FederationStatus, ParticipantStatus
from composer.model.topology import Node, Topology, in_order, in_short, word_for
from composer.render.markup import Element, element
from composer.render.picture import Tone as Mark
from composer.render.picture import draw_mark, draw_svg
from composer.render.report.parts import (
    FEW,
    NOTHING,
    WHOLE,
    Cell,
    Tone,
    code,
    duration,
    moment,
    paragraph,
    plural,
    section,
    sign,
    table,
    unknown,
)

_MOST_EVENTS = 200
_HAPPENED = {
    "begins": "started",
    "joined": "registered",
    "back": "came back",
    "left": "left",
    "dead": "was lost: no heartbeat",
}


def topology_section(report: Report) -> Element:
    """The picture, and the hosts as a table."""
    topology, tones = report.topology, _tones(report.status)
    legend = [element("ul", {"class": "legend"}, *_legend())] if tones else []
    caption = element("figcaption", {}, *legend, "An arrow leads from who connects to who answers.")
    picture = element(
        "div",
        {"class": "scroll", "role": "region", "tabindex": 0, "aria-label": "Picture of the federation"},
        draw_svg(topology, tones),
    )
    rows = [
        (_host(place.name), place.address or NOTHING, place.endpoint or NOTHING, _on(topology, place.name))
        for place in topology.places
    ]
    return section(
        "topology",
        "Who connects to whom",
        element("figure", {}, picture, caption),
        None
        if [place.name for place in topology.places] == [LOCAL]
        else table("Hosts", ("Host", "Address", "Reached by", "Participants"), rows, few=12),
    )


def _legend() -> Iterator[Element]:
    words: dict[Mark | None, str] = {
        "well": "runs and is registered",
        "waiting": "is not there yet",
        "bad": "does not run as it should",
        None: "is not known",
    }
    for tone, text in words.items():
        sample = element(
            "svg", {"class": "topology", "width": 12, "height": 12, "aria-hidden": "true"}, draw_mark(tone, 6, 6)
        )
        yield element("li", {}, sample, text)


def _on(topology: Topology, place: str) -> str:
    return in_short([node.name for node in topology.nodes if node.known and node.place == place])


def _host(name: str) -> str:
    return "this machine" if name == LOCAL else name


def _tones(status: FederationStatus | Unknown | None) -> dict[str, Mark]:
    found = status.participants if isinstance(status, FederationStatus) else ()
    return {one.name: tone for one in found if (tone := tone_of(one))}


def tone_of(one: ParticipantStatus) -> Tone:
    """How a participant stands."""
    if one.well:
        return "well"
    if one.state == "unknown":
        return ""
    return "waiting" if one.state in ("running", "created") and not one.expired else "bad"


def participants_section(report: Report) -> Element:
    """Everybody: what they are, where they are, how they run. Whoever is not well is told first."""
    status, nodes = report.status, [node for node in report.topology.nodes if node.known]
    seen = {one.name: one for one in status.participants} if isinstance(status, FederationStatus) else {}
    parts: list[Element | None] = []
    if isinstance(status, Unknown):
        parts.append(unknown("How they run is not known", status))
    elif status is None:
        parts.append(paragraph("Nothing is deployed yet: composer up starts them.", "note"))
    ill = [one for one in seen.values() if not one.well]
    if ill and len(nodes) > FEW:
        parts.append(
            table("Not well", _COLUMNS, (_row(node, seen) for node in nodes if node.name in {one.name for one in ill}))
        )
    parts.append(table("Who they are and how they run", _COLUMNS, (_row(node, seen) for node in nodes)))
    return section("participants", "Participants", *parts)


_COLUMNS = (
    *("Name", "Type", "State", "Remarks", "Host", "Since (UTC)", "Restarts"),
    *("Connects to", "Protection", "Opens"),
)


def _row(node: Node, seen: dict[str, ParticipantStatus]) -> tuple[Cell, ...]:
    one = seen.get(node.name)
    links = ", ".join(link.end for link in node.links) or NOTHING
    protection = node.links[0].words if node.links else NOTHING
    network = (links, protection, ", ".join(map(str, node.ports)) or NOTHING)
    about, host = (node.name, word_for(node.type)), _host(node.place)
    if one is None:
        state = "run by a person" if node.type == "admin" else NOTHING
        return (*about, state, NOTHING, host, NOTHING, NOTHING, *network)
    remarks = "; ".join(part for part in (one.detail, one.drift) if part)
    return (
        *about,
        sign(tone_of(one), _state(one)),
        remarks or NOTHING,
        host,
        moment(one.since),
        one.restarts,
        *network,
    )


def _state(one: ParticipantStatus) -> str:
    if one.well:
        return "serves" if one.type == "server" else "registered"
    if one.state != "running":
        return one.state
    return "unhealthy" if one.health == "unhealthy" else "not registered"


def events_section(report: Report) -> Element:
    """Who came and went when: the server's log where it is here, and since when each is registered."""
    if isinstance(report.events, Unknown):
        events, note = _since(report.status), unknown("The server's own log is not known", report.events)
    else:
        events, note = report.events or _since(report.status), None
    if not events:
        return section("events", "Time line", paragraph("Nothing has happened yet.", "note") if note is None else note)
    shown = events[-_MOST_EVENTS:]
    left_out = len(events) - len(shown)
    more = paragraph(f"{left_out} earlier events are left out.", "note") if left_out else None
    return section("events", "Time line", note, more, element("ol", {"class": "line"}, *_moments(shown)))


def _since(status: FederationStatus | Unknown | None) -> tuple[Event, ...]:
    found = status.participants if isinstance(status, FederationStatus) else ()
    events = [Event(one.since, one.name, "begins" if one.type == "server" else "joined") for one in found if one.since]
    return tuple(sorted(events, key=lambda event: event.at))


def _moments(events: Sequence[Event]) -> Iterator[Element]:
    """What happened to several in the same minute is told once."""

    def told(event: Event) -> tuple[datetime, str]:
        return event.at.astimezone(timezone.utc).replace(second=0, microsecond=0), event.happened

    for (minute, happened), group in groupby(events, key=told):
        names = sorted((event.name for event in group), key=in_order)
        kind = "waiting" if happened in ("left", "dead") else "well"
        yield element("li", {"class": kind}, moment(minute, WHOLE), f" {in_short(names)} {_HAPPENED[happened]}")


def jobs_section(report: Report) -> Element:
    """The jobs, with what became of each."""
    if isinstance(report.jobs, Unknown):
        return section("jobs", "Jobs", unknown("The jobs are not known", report.jobs))
    if not report.jobs:
        return section("jobs", "Jobs", paragraph("There has been no job yet.", "note"))
    columns = ("Job", "State", "Submitted (UTC)", "By", "Took", "Deployed to", "Id")
    running = sum(not job.ended for job in report.jobs)
    caption = f"{plural(len(report.jobs), 'job')}, {running or 'none'} not ended, the newest first"
    return section("jobs", "Jobs", table(caption, columns, map(_job, report.jobs)))


def _job(job: Job) -> tuple[Cell, ...]:
    tone: Tone = "well" if job.completed else "bad" if job.ended else "waiting"
    failed = [name for name, what in job.sites if what != "OK"]
    sites = sorted((name for name, what in job.sites if what == "OK"), key=in_order)
    deployed = in_short(sites) if sites else NOTHING
    took = duration(job.seconds) if job.seconds is not None else NOTHING
    return (
        job.name or "without a name",
        sign(tone, job.status.removeprefix("FINISHED:").replace("_", " ").lower() or NOTHING),
        moment(job.submitted),
        job.submitter or NOTHING,
        took,
        f"{deployed}; not to {in_short(failed)}" if failed else deployed,
        code(job.id),
    )
