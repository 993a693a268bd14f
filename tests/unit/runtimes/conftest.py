"""A deployment of containers on an engine in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.deployment.manifest import Manifest
from composer.usecases.generate import generate
from composer.usecases.inputs import Inputs
from tests.fakes.engine import MemoryEngine
from tests.kitmaker import Provisioned, provision, to_be_run


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> MemoryEngine:
    engine = MemoryEngine()
    engine.install(monkeypatch)
    return engine


@pytest.fixture
def kits(tmp_path: Path) -> Provisioned:
    return provision(tmp_path, to_be_run())


@pytest.fixture
def manifest(kits: Provisioned, tmp_path: Path) -> Manifest:
    return generate(Inputs((kits.prod,), None, tmp_path / "deployment")).manifest


@pytest.fixture
def deployment(manifest: Manifest, tmp_path: Path) -> Path:
    return tmp_path / "deployment"
