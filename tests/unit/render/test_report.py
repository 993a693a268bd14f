"""The page of a report: valid, small, without a secret, and saying what is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from composer.model.report import Report, Unknown
from composer.render.report import render_report
from composer.render.report.parts import duration
from tests.reports import NOW, report_of

_VOID = {"meta", "br"}
_BLOCKS = {"p", "ul", "ol", "table", "div", "section", "figure", "details", "dl", "h2", "h3"}


class Page(HTMLParser):
    """A strict reading of a page: what is opened is closed, and nothing stands where HTML does not have it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        assert not (tag in _BLOCKS and "p" in self.open), f"a {tag} in a paragraph"
        self.seen.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]

    def words(self) -> str:
        return " ".join(text for tag, text in self.texts if tag != "style")


@pytest.mark.parametrize("sites", [3, 30, 300])
def test_it_is_a_valid_page_with_names_for_all_that_readers_stop_at(sites: int) -> None:
    text = render_report(report_of(sites))
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>\n<html lang=")
    ids = [attributes["id"] for _, attributes in page.seen if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert [tag for tag, _ in page.seen].count("h1") == 1
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.all("th"))
    for section in page.all("section"):
        assert section["aria-labelledby"] in ids
    for link in page.all("a"):
        assert str(link["href"]).removeprefix("#") in ids


def test_it_is_small_for_300_sites_and_names_each() -> None:
    text = render_report(report_of(300))
    assert len(text.encode()) < 2 * 10**6
    words = Page(text).words()
    assert all(f"site-{n}" in words for n in range(1, 301))


def test_nothing_in_it_is_fetched_run_or_sent() -> None:
    page = Page(render_report(report_of(3)))
    (policy,) = (one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    tags = {tag for tag, _ in page.seen}
    assert not tags & {"script", "link", "img", "iframe", "object", "form", "input", "base"}
    assert not [name for _, attributes in page.seen for name in attributes if name.startswith("on") or name == "src"]
    styles = "".join(text for tag, text in page.texts if tag == "style")
    assert "url(" not in styles
    assert "@import" not in styles


def test_the_same_gives_the_same_bytes() -> None:
    assert render_report(report_of(30)) == render_report(report_of(30))


def test_what_is_not_known_is_said_with_its_cause() -> None:
    away = Unknown("the Docker engine does not answer", "start it")
    report = replace(report_of(3), status=away, images=away, events=away, jobs=Unknown("the server runs on hub"))
    words = Page(render_report(report)).words()
    assert words.count("the Docker engine does not answer (start it).") == 3
    assert "The jobs are not known: the server runs on hub." in words
    assert "Nothing has happened yet." not in words
    assert "are well" not in words


def test_before_anything_runs_it_says_so() -> None:
    report = replace(report_of(3), status=None, images=None, events=(), jobs=(), findings=(), deployment=None)
    words = Page(render_report(report)).words()
    assert "Nothing is deployed yet: composer up starts them." in words
    assert "Nothing has happened yet." in words
    assert "There has been no job yet." in words
    assert "composer check and composer doctor find nothing wrong." in words


def cell(report: Report, text: str) -> bool:
    return text in [said for _, said in Page(render_report(report)).texts]


def test_findings_that_are_alike_are_told_once_with_all_they_are_about() -> None:
    report = report_of(30)
    assert cell(report, "the certificate of … ends in 20 days")
    assert cell(report, "lead@example.org, relay-1, relay-2 and 31 more")
    assert cell(report, "provision the project again, and give each participant its new kit")
    assert cell(replace(report, findings=report.findings[:2]), "the certificate of server1 ends in 20 days")


def test_what_many_did_in_the_same_minute_is_told_once() -> None:
    words = Page(render_report(report_of(30))).words()
    assert "2026-11-25 12:00 UTC  server1 started" in words
    assert "site-1 was lost: no heartbeat" in words or "relay-2 was lost: no heartbeat" in words


def test_certificates_that_have_ended_or_soon_will_stand_out() -> None:
    report = report_of(3)
    ends = (NOW - timedelta(days=1), NOW + timedelta(days=20), NOW + timedelta(days=200))
    certificates = tuple(
        replace(one, certificate=replace(one.certificate, not_after=end))
        for one, end in zip(report.certificates, ends, strict=False)
    )
    page = Page(render_report(replace(report, certificates=certificates)))
    assert "has ended" in page.words()
    assert f"that of {certificates[0].name} has ended" in page.words()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (4000, "1 h 6 min"), (200000, "2 d 7 h")],
)
def test_durations_are_told_in_two_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words
