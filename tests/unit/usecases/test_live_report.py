"""The report that is kept live: how often it looks at what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from composer.model.report import Report
from composer.usecases import live_report
from composer.usecases.inputs import Inputs
from tests.reports import report_of


def test_it_looks_again_after_moments_and_for_findings_after_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    asked: list[Any] = []

    def look(_inputs: Inputs, findings: Any = None) -> Report:
        asked.append(findings)
        return replace(report_of(3), findings=(), composer=str(len(asked)))

    monkeypatch.setattr(live_report, "report", look)
    monkeypatch.setattr(live_report.time, "monotonic", lambda: now)
    seen = live_report.LiveReport(Inputs((), None, Path("/nowhere")))
    assert [seen.now().composer, seen.now().composer] == ["1", "1"]
    now += 10
    assert seen.now().composer == "2"
    now += 299
    assert seen.now().composer == "3"
    assert asked == [None, (), None]
