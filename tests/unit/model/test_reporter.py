"""Names as one reads them in a sentence."""

from __future__ import annotations

import pytest

from composer.model.reporter import some_of


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, ""), (1, "n0"), (4, "n0, n1, n2, n3"), (5, "n0, n1, n2 and 2 more"), (101, "n0, n1, n2 and 98 more")],
)
def test_many_are_cut_short(count: int, text: str) -> None:
    assert some_of([f"n{number}" for number in range(count)]) == text
