"""What is told of a certificate before it ends, and afterwards."""

from __future__ import annotations

import pytest

from composer.model.status import ParticipantStatus


def ending_in(days: int, detail: str = "") -> ParticipantStatus:
    return ParticipantStatus("site-1", "client", "local", "running", "healthy", True, None, days, "", detail=detail)


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (61, ""),
        (60, "its certificate or its root's ends in 60 days: provision the project again before"),
        (1, "its certificate or its root's ends in 1 day: provision the project again before"),
        (0, "its certificate or its root's ends in 0 days: provision the project again before"),
        (-1, "its certificate has expired: provision the project again"),
    ],
)
def test_the_end_of_a_certificate_is_told_in_time(days: int, told: str) -> None:
    one = ending_in(days).told_of_its_end()
    assert one.detail == told
    assert one.well is (days >= 0)


def test_what_else_is_told_stays() -> None:
    assert ending_in(7, "it starts").told_of_its_end().detail.endswith("before; it starts")
