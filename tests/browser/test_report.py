"""The report in a real browser: it asks for nothing, says nothing, can be read by everybody, and is whole on paper."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from composer.model.report import Report, Unknown
from composer.render.picture import render_svg
from composer.render.report import render_report
from composer.system.local_page import LocalPage
from tests.browser.chromium import Page
from tests.reports import report_of

HOSTILE = '"><img src=http://192.0.2.1/x onerror="window.hacked=1"><script>window.hacked=1</script>'
SIZES = (3, 30, 300)


def written(report: Report, folder: Path) -> str:
    """The address of the page."""
    file = folder / "report.html"
    file.write_text(render_report(report))
    return file.as_uri()


def bare(report: Report) -> Report:
    """The same from kits alone, on a machine where nothing answers."""
    return replace(report, status=None, images=None, events=(), jobs=(), findings=(), deployment=None)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("sites", SIZES)
def test_nobody_is_kept_from_reading_it(browser: Page, axe: str, tmp_path: Path, sites: int, dark: bool) -> None:
    for report in (report_of(sites), bare(report_of(sites))):
        browser.open(written(report, tmp_path), dark=dark)
        browser.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        browser.evaluate(f"{axe}; 0")
        found = browser.evaluate(
            "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.map("
            "one => [one.id, one.nodes.length, one.nodes[0].html, one.nodes[0].failureSummary]))"
        )
        assert found == []


@pytest.mark.parametrize("sites", SIZES)
def test_it_asks_for_nothing_and_nothing_in_it_fails(browser: Page, tmp_path: Path, sites: int) -> None:
    address = written(report_of(sites), tmp_path)
    browser.open(address)
    assert browser.told("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown") == []
    assert [asked["request"]["url"] for asked in browser.told("Network.requestWillBeSent")] == [address]


@pytest.mark.parametrize("width", [400, 1000, 1600])
@pytest.mark.parametrize("sites", SIZES)
def test_it_is_no_wider_than_the_window(browser: Page, tmp_path: Path, sites: int, width: int) -> None:
    browser.open(written(report_of(sites), tmp_path), width)
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    texts = "[...document.querySelectorAll('td, th, p, dd, li')]"
    assert min(browser.evaluate(f"{texts}.map(one => parseFloat(getComputedStyle(one).fontSize))")) >= 12


def test_text_of_others_is_text(browser: Page, tmp_path: Path) -> None:
    """A name with markup in it, where a kit or a job could bring one."""
    report = report_of(3)
    assert report.status
    assert not isinstance(report.status, Unknown)
    participants = tuple(replace(one, detail=HOSTILE) for one in report.status.participants)
    nodes = tuple(replace(node, name=HOSTILE + node.name) for node in report.topology.nodes)
    report = replace(
        report,
        topology=replace(report.topology, federation=HOSTILE, nodes=nodes),
        status=replace(report.status, participants=participants),
        findings=tuple(replace(one, message=HOSTILE, fix=HOSTILE) for one in report.findings),
    )
    address = written(report, tmp_path)
    browser.open(address)
    assert browser.evaluate("window.hacked") is None
    assert browser.evaluate("document.querySelectorAll('img, script, iframe, object, link').length") == 0
    assert browser.evaluate("document.querySelector('h1').textContent") == f"Federation {HOSTILE}"
    assert [asked["request"]["url"] for asked in browser.told("Network.requestWillBeSent")] == [address]
    # And if it were not, the page's own policy lets it do nothing.
    browser.evaluate(f"document.body.insertAdjacentHTML('beforeend', `{HOSTILE}`)")
    browser.evaluate("new Promise(done => setTimeout(done, 100))")
    assert browser.evaluate("window.hacked") is None


def test_the_keyboard_gets_everywhere(browser: Page, tmp_path: Path) -> None:
    browser.open(written(report_of(300), tmp_path), 400)
    seen = []
    for _ in range(12):
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        seen.append(
            browser.evaluate("document.activeElement.textContent.slice(0, 12) + document.activeElement.tagName")
        )
    assert seen[0] == "Skip to the A"
    assert [one.endswith("A") for one in seen[1:5]] == [True] * 4
    assert any(one.endswith("SUMMARY") for one in seen)
    assert any(one.endswith("DIV") for one in seen), "what is wider than the window can be scrolled"


def test_on_paper_everything_is_there(browser: Page, tmp_path: Path) -> None:
    browser.open(written(report_of(300), tmp_path), media="print")
    rows = "[...document.querySelectorAll('details tbody tr')]"
    assert browser.evaluate(f"{rows}.length") > 600
    assert browser.evaluate(f"{rows}.every(one => one.checkVisibility({{contentVisibilityAuto: true}}))")
    assert browser.evaluate("getComputedStyle(document.querySelector('summary')).display") == "none"
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("sites", SIZES)
def test_served_it_is_the_same_and_its_reader_can_stop_it(browser: Page, axe: str, sites: int) -> None:
    report = report_of(sites)
    pages = {"": lambda: render_report(report, "live"), "still": lambda: render_report(report, "still")}
    # Not made anew while axe looks at it.
    with served(LocalPage(pages, {"": 3600})) as page:
        browser.open(page.address)
        assert browser.told("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown") == []
        assert {asked["request"]["url"] for asked in browser.told("Network.requestWillBeSent")} == {page.address}
        browser.evaluate(f"{axe}; 0")
        found = "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.map(one => one.id))"
        assert browser.evaluate(found) == []
        still = browser.evaluate("document.querySelector('.lead a').href")
        assert still == f"{page.address}still"
        browser.open(still)
        assert browser.evaluate("document.querySelector('.lead a').href") == page.address
        browser.open("about:blank")


@contextmanager
def served(page: LocalPage) -> Iterator[LocalPage]:
    """Serve a page for the time of the block."""
    with page:
        thread = threading.Thread(target=page.serve_forever)
        thread.start()
        try:
            yield page
        finally:
            page.shutdown()
            thread.join()


def test_the_picture_as_a_file_of_its_own(browser: Page, tmp_path: Path) -> None:
    file = tmp_path / "federation.svg"
    file.write_text(render_svg(report_of(30).topology))
    browser.open(file.as_uri())
    assert browser.told("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown") == []
    assert browser.evaluate("document.documentElement.tagName") == "svg"
    outside = "one.getBoundingClientRect().right > one.parentNode.querySelector('.box').getBoundingClientRect().right"
    assert browser.evaluate(f"[...document.querySelectorAll('g > text')].filter(one => {outside}).length") == 0
