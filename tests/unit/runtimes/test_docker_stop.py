"""Containers end whatever is in the way: jobs, a folder or files that cannot be used any more, another runtime."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from composer.deployment.manifest import Manifest
from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError
from composer.model.reporter import Reporter
from composer.runtimes.process_lifecycle import ProcessLifecycle
from composer.usecases.down import down
from tests.conftest import missing, run
from tests.fakes.engine import MemoryEngine
from tests.fakes.reporter import Heard
from tests.unit.runtimes.test_lifecycles import NAMES, started


def test_files_that_compose_cannot_read_any_more_keep_nobody_from_stopping(
    engine: MemoryEngine, manifest: Manifest, deployment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lifecycle = started(deployment, manifest)
    assert engine.running()

    def perform(command: Command, reporter: Reporter, dry_run: bool) -> None:
        if "--file" in command.argv:
            raise CommandFailed("docker compose down", 14, "env file private/site-1.env not found")
        engine.perform(command, reporter, dry_run)

    monkeypatch.setattr("composer.runtimes.docker_lifecycle.perform", perform)
    lifecycle.stop(manifest, Heard(), False)
    assert engine.running() == set()


def test_jobs_that_end_without_a_result_are_named(engine: MemoryEngine, manifest: Manifest, deployment: Path) -> None:
    one = started(deployment, manifest)
    engine.jobs = ("python3 -m nvflare.private.fed.app.server.runner_process -m /workspace -n job-7 --x",)
    heard = Heard()
    one.stop(manifest, heard, dry_run=False)
    assert heard.warnings == ["job job-7 has not ended, and ends now without a result"]
    assert engine.there == {}


def test_an_engine_whose_machine_cannot_list_processes_keeps_nobody_from_stopping(
    engine: MemoryEngine, manifest: Manifest, deployment: Path
) -> None:
    one = started(deployment, manifest)
    engine.fails = {"processes": ComposerError("the engine does not answer: ps: bad -e", "see docker info")}
    one.stop(manifest, Heard(), dry_run=False)
    assert engine.there == {}


def test_containers_that_were_left_in_a_folder_of_processes_end_with_it(
    engine: MemoryEngine, manifest: Manifest, deployment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without Docker's command does not know of them when the runtime is changed."""
    started(deployment, manifest)
    scripts: list[Command] = []

    def stream(command: Command, line: Callable[[str], None]) -> None:
        if command.argv[0] == "docker":
            engine.perform(command)
        else:
            scripts.append(command)

    monkeypatch.setattr("composer.runtimes.run_folder.stream", stream)
    monkeypatch.setenv("DOCKER_HOST", "memory://local")
    one = ProcessLifecycle(deployment)
    one.stop(manifest, Heard(), dry_run=True)
    assert engine.running() == NAMES
    one.stop(manifest, Heard(), dry_run=False)
    assert engine.there == {}
    assert scripts


def test_all_are_stopped_where_nothing_can_be_written(
    engine: MemoryEngine, manifest: Manifest, deployment: Path
) -> None:
    if os.geteuid():
        missing("mounting a folder read-only needs root")
    started(deployment, manifest)
    assert run(["mount", "--bind", deployment, deployment]).returncode == 0
    try:
        assert run(["mount", "-o", "remount,bind,ro", deployment]).returncode == 0
        with pytest.raises(ComposerError, match="Read-only file system"):
            down(deployment, purge=True, confirm=lambda _: True, wait=True)
        assert engine.running() == NAMES
        down(deployment, wait=True)
        assert engine.there == {}
    finally:
        assert run(["umount", deployment]).returncode == 0
