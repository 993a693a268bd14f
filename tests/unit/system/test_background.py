"""One thing beside another: its result, its error, and whose error counts."""

from __future__ import annotations

import threading

import pytest

from composer.model.errors import ComposerError
from composer.system.background import in_background, tried_in_background


def test_both_run_at_the_same_time() -> None:
    met = threading.Barrier(2, timeout=10)
    with in_background(met.wait) as arrived:
        met.wait()
        assert arrived() in (0, 1)


def test_what_the_task_raised_comes_after_the_block() -> None:
    reached = []

    def fail() -> None:
        raise ComposerError("the task", "")

    with pytest.raises(ComposerError, match="the task"), in_background(fail):
        reached.append(1)
    assert reached


def test_the_error_of_the_block_counts_first() -> None:
    def fail() -> None:
        raise ComposerError("the task", "")

    with pytest.raises(ComposerError, match="the block"), in_background(fail):
        raise ComposerError("the block", "")


@pytest.mark.parametrize("error", [ComposerError("the task", ""), ValueError("no time"), KeyError("Version")])
def test_what_is_only_good_to_know_fails_nobody(error: Exception) -> None:
    def fail() -> int:
        raise error

    with tried_in_background(fail) as found:
        assert found() is None
    # Nor where nobody has asked for it.
    with tried_in_background(fail):
        pass
    with tried_in_background(lambda: 7) as seven:
        assert seven() == 7
