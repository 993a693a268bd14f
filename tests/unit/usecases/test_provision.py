"""Which of NVFLARE's productions is the newest."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.model.command import Command
from composer.model.reporter import SILENT
from composer.usecases import provision as module
from composer.usecases.provision import newest_production, provision


def make(workspace: Path, *numbers: str) -> Path:
    for number in numbers:
        (workspace / "project" / f"prod_{number}").mkdir(parents=True, exist_ok=True)
    return workspace


def test_after_the_hundredth_it_is_not_the_ninety_ninth(tmp_path: Path) -> None:
    assert newest_production(tmp_path) is None
    assert newest_production(make(tmp_path, "99", "100", "09")) == tmp_path / "project" / "prod_100"


def test_what_was_provisioned_is_what_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(command: Command, line: object) -> None:
        make(tmp_path, "99", "100")

    monkeypatch.setattr(module, "stream", made)
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _: object())
    make(tmp_path, "98")
    (tmp_path / "project.yml").write_text("name: project\n")
    assert provision(tmp_path / "project.yml", tmp_path, SILENT) == tmp_path / "project" / "prod_100"
