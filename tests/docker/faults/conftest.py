"""Federations for the fault tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Deployment
from tests.docker.faults.stack import healthy, stack


@pytest.fixture(scope="module")
def running(engine: None, definition: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A federation that is up and that the tests of a module break one after another."""
    with stack(tmp_path_factory.mktemp("running"), definition) as deployment:
        yield deployment


@pytest.fixture
def well(running: Deployment) -> Deployment:
    """The running federation, well before the test whatever the one before has done."""
    if not healthy(running):
        assert running.up().returncode == 0
    return running


@pytest.fixture
def fresh(engine: None, definition: Path | None, tmp_path: Path) -> Iterator[Deployment]:
    """A federation that has not been started, for one test alone."""
    with stack(tmp_path, definition, up=False) as deployment:
        yield deployment
