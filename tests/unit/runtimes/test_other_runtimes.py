"""In which other ways participants may run: each of them can be looked for, here and on other hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args
from unittest.mock import Mock

import pytest

from composer.model.kinds import RuntimeName
from composer.runtimes.lifecycle import lifecycle_of, other_runtimes


@pytest.mark.parametrize("elsewhere", [None, Mock()])
@pytest.mark.parametrize("runtime", get_args(RuntimeName))
def test_whoever_runs_otherwise_can_be_stopped(runtime: RuntimeName, elsewhere: Any, tmp_path: Path) -> None:
    others = other_runtimes(runtime, elsewhere is not None)
    assert runtime not in others
    assert {"docker", "process"} - {runtime} <= set(others)
    for other in others:
        lifecycle_of(other, tmp_path, elsewhere)
