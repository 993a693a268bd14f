"""What a report says of what a federation is made of: findings, certificates, images, versions. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from composer.model.finding import Finding
from composer.model.report import CertificateOf, Contents, Report, Unknown
from composer.model.status import ImageStatus
from composer.model.topology import in_order, in_short, word_for
from composer.render.markup import Element, element
from composer.render.report.parts import (
    DAY,
    NOTHING,
    Cell,
    Tone,
    code,
    listed,
    megabytes,
    moment,
    paragraph,
    plural,
    section,
    sign,
    table,
    unknown,
)

# NVFLARE's certificates are good for a year; in the last month they want to be renewed.
SOON_DAYS = 30
# Certificates are counted by day where there are more.
_MANY = 12


def findings_section(report: Report) -> Element:
    """What `check` and `doctor` found, each with what to do about it; what is the same for many is told once."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for one in report.findings:
        groups.setdefault((one.severity, one.id, _without_name(one), one.fix), []).append(one)
    if not groups:
        nothing = "composer check and composer doctor find nothing wrong."
        return section("findings", "Findings", paragraph(nothing, "note"))
    columns = ("Severity", "What is wrong", "What to do", "About", "Check")
    rows = map(_finding, groups.values())
    return section("findings", "Findings", table("Of composer check and composer doctor", columns, rows))


def _without_name(one: Finding) -> str:
    return one.message.replace(one.kit, "…") if one.kit else one.message


def _finding(alike: list[Finding]) -> tuple[Cell, ...]:
    one = alike[0]
    message = one.message if len(alike) == 1 else _without_name(one)
    tone: Tone = "bad" if one.severity == "error" else "waiting"
    return sign(tone, one.severity), message, one.fix, _about([each.kit for each in alike]), code(one.id)


def _about(kits: list[str]) -> str:
    return in_short(sorted((kit for kit in kits if kit), key=in_order)) or "this machine"


def certificates_section(report: Report) -> Element:
    """The certificates, the one that ends first before the others."""
    columns = ("Participant", "Type", "Organization", "Begins", "Ends", "Days left", "SHA-256")
    groups: dict[str, list[str]] = {}
    for one in report.certificates:
        groups.setdefault(one.certificate.not_after.strftime("%Y-%m-%d"), []).append(one.name)
    sums = [(day, len(names), in_short(sorted(names, key=in_order))) for day, names in groups.items()]
    rows = (_certificate(one, report.made) for one in report.certificates)
    return section(
        "certificates",
        "Certificates",
        table("By the day on which they end", ("Day", "Certificates", "Of"), sums)
        if len(report.certificates) > _MANY
        else None,
        table("Each certificate, the first to end before the others", columns, rows),
    )


def days_left(end: datetime, now: datetime) -> int:
    """Whole days until a certificate ends; negative when it has."""
    return (end - now).days


def certificate_tone(days: int) -> Tone:
    """How urgent it is that somebody renews a certificate."""
    return "bad" if days < 0 else "waiting" if days < SOON_DAYS else "well"


def _certificate(one: CertificateOf, now: datetime) -> tuple[Cell, ...]:
    certificate = one.certificate
    days = days_left(certificate.not_after, now)
    return (
        one.name,
        word_for(one.type),
        certificate.organization or NOTHING,
        moment(certificate.not_before, DAY),
        moment(certificate.not_after, DAY),
        sign(certificate_tone(days), str(days) if days >= 0 else "has ended"),
        code(certificate.fingerprint),
    )


def images_section(report: Report) -> Element:
    """The images as engines have them, and what goes into them."""
    images = report.images
    parts: list[Element | None] = []
    if isinstance(images, Unknown):
        parts.append(unknown("Which images there are is not known", images))
    elif images is not None:
        columns = ("Participants", "Host", "Image", "ID", "Size", "Shared", "Own", "Built (UTC)", "State")
        parts.append(table("Images as the engines have them", columns, _images(images)))
    for at, one in enumerate(report.contents):
        parts += _contents(one, at)
    kinds = dict.fromkeys("images" if one.base else "virtual environments" for one in report.contents)
    title = f"{' and '.join(kinds).capitalize() or 'Images'} and what is in them"
    return section("images", title, *parts)


def _images(images: tuple[ImageStatus, ...]) -> Iterator[tuple[Cell, ...]]:
    """A row for participants with the very same image."""
    groups: dict[object, list[ImageStatus]] = {}
    for one in images:
        groups.setdefault((one.host, one.id or one.state, one.state), []).append(one)
    for group in groups.values():
        one = group[0]
        tags = sorted({each.tag for each in group}, key=in_order)
        tone: Tone = "well" if one.state == "fresh" else "bad" if one.state == "missing" else "waiting"
        yield (
            in_short(sorted((each.name for each in group), key=in_order)),
            "this machine" if one.host == "local" else one.host,
            code(tags[0]) if len(tags) == 1 else f"{tags[0]} and {plural(len(tags) - 1, 'name')} more",
            code(one.id.removeprefix("sha256:")) if one.id else NOTHING,
            megabytes(one.size),
            megabytes(one.shared),
            megabytes(one.own),
            moment(one.built),
            sign(tone, one.state),
        )


def _contents(one: Contents, at: int) -> Iterator[Element]:
    title = f"In the {'images' if one.base else 'virtual environments'} of {in_short(one.names)}"
    yield element("h3", {"id": f"contents-{at}"}, title)
    facts = [
        ("NVFLARE", one.nvflare),
        ("Kits of release", ", ".join(one.releases)),
        *([("Base image", one.base)] if one.base else []),
        *([("Debian packages", ", ".join(one.debian))] if one.debian else []),
        (
            "Python packages",
            f"{len(one.python)}, each pinned by its hashes" if one.python else _UNPINNED if one.base else _UNLOCKED,
        ),
    ]
    yield _facts(facts)
    if one.python:
        packages = listed([f"{name} {version}" for name, version in one.python])
        yield element("details", {}, element("summary", {}, f"{len(one.python)} Python packages"), packages)


_RUNTIMES = {"docker": "containers", "podman": "containers of Podman", "process": "plain processes"}
_UNPINNED = "what NVFLARE and the jobs need; the first build pins their versions"
_UNLOCKED = "what NVFLARE and the jobs need"


def _facts(facts: list[tuple[str, Element | str]] | list[tuple[str, str]]) -> Element:
    pairs = (part for name, value in facts for part in (element("dt", {}, name), element("dd", {}, value)))
    return element("dl", {}, *pairs)


def versions_section(report: Report) -> Element:
    """What the report was made from, so that another can be compared with it."""
    runtimes = (_RUNTIMES.get(place.runtime) for place in report.topology.places)
    facts: list[tuple[str, Element | str]] = [
        ("composer", report.composer),
        ("NVFLARE", ", ".join(sorted({one.nvflare for one in report.contents})) or NOTHING),
        ("Runs as", ", ".join(dict.fromkeys(filter(None, runtimes))) or NOTHING),
        ("Network", "Docker's own (bridge)" if report.topology.network == "bridge" else "the hosts'"),
    ]
    facts += [("Authority, SHA-256", code(one)) for one in report.authorities]
    facts += [("Kits", code(str(path))) for path in report.kits[:3]]
    if len(report.kits) > 3:
        facts.append(("Kits", plural(len(report.kits) - 3, "folder") + " more"))
    facts.append(("Definition", code(str(report.definition)) if report.definition else "none: the defaults"))
    facts.append(("Deployment", code(str(report.deployment)) if report.deployment else "none yet"))
    return section("versions", "Versions and digests", _facts(facts))
