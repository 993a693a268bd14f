"""The runtimes' contract for Podman, and what it takes back, on a Podman in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from composer.deployment.layout import RUN_FILE
from composer.deployment.manifest import Manifest
from composer.deployment.recorded import read_started
from composer.model.errors import ComposerError
from composer.runtimes.other import refuse_other_runtime
from composer.runtimes.podman.lifecycle import PodmanLifecycle
from composer.usecases.generate import generate
from composer.usecases.inputs import Inputs
from tests.contract import hold_to_the_contract
from tests.fakes.engine import failed
from tests.fakes.podman import MemoryPodman
from tests.fakes.reporter import Heard
from tests.kitmaker import provision, to_be_run

NAMES = {"server1", "site-1", "site-2"}


@pytest.fixture
def podman(monkeypatch: pytest.MonkeyPatch) -> MemoryPodman:
    podman = MemoryPodman()
    podman.install(monkeypatch)
    return podman


@pytest.fixture
def deployment(tmp_path: Path) -> Path:
    return tmp_path / "deployment"


@pytest.fixture
def manifest(podman: MemoryPodman, tmp_path: Path, deployment: Path) -> Manifest:
    definition = tmp_path / "composer.yml"
    definition.write_text("runtime: podman\n")
    return generate(Inputs((provision(tmp_path, to_be_run()).prod,), definition, deployment)).manifest


def started(deployment: Path, manifest: Manifest) -> None:
    one = PodmanLifecycle(deployment)
    one.remember()
    one.start(manifest, Heard())
    one.settle(manifest)


def change(deployment: Path, *services: str) -> bytes:
    """Let containers.json say something else of services."""
    file = deployment / RUN_FILE
    document = json.loads(file.read_text())
    for name in services:
        one = document["services"][name]
        one["options"] = [part.replace(one["configuration"], f"changed-{name}") for part in one["options"]]
        one["configuration"] = f"changed-{name}"
    file.write_text(json.dumps(document))
    return file.read_bytes()


def test_containers_hold_to_the_contract(podman: MemoryPodman, manifest: Manifest, deployment: Path) -> None:
    hold_to_the_contract(lambda: PodmanLifecycle(deployment), manifest, watch_until_registered=False)


def test_what_would_be_started_is_shown_before_anything_is_written(
    podman: MemoryPodman, manifest: Manifest, deployment: Path
) -> None:
    (deployment / RUN_FILE).unlink()
    heard = Heard()
    PodmanLifecycle(deployment).start(manifest, heard, dry_run=True)
    assert podman.there == {}
    assert [line.split()[5] for line in heard.commands] == [
        f"{manifest.compose_project}-{one.service}" for one in manifest.started
    ]


def test_those_alone_are_started_anew_that_have_changed(
    podman: MemoryPodman, manifest: Manifest, deployment: Path
) -> None:
    started(deployment, manifest)
    before = {one.service: one.id for one in podman.there.values()}
    coming = change(deployment, "site-1")
    one = PodmanLifecycle(deployment)
    one.remember()
    assert dict(one.changes(manifest, {RUN_FILE: coming})) == {"site-1": "its settings have changed"}
    one.start(manifest, Heard())
    assert {one.service for one in podman.there.values() if before[one.service] != one.id} == {"site-1"}


def test_who_is_not_in_the_deployment_any_more_ends(podman: MemoryPodman, manifest: Manifest, deployment: Path) -> None:
    started(deployment, manifest)
    file = deployment / RUN_FILE
    document = json.loads(file.read_text())
    del document["services"]["site-2"]
    file.write_text(json.dumps(document))
    started(deployment, manifest)
    assert podman.running() == NAMES - {"site-2"}


@pytest.mark.parametrize("at", ["server1", "site-1", "site-2"])
def test_who_ran_comes_back_as_it_was(at: str, podman: MemoryPodman, manifest: Manifest, deployment: Path) -> None:
    started(deployment, manifest)
    before, files = {one.service: one.configuration for one in podman.there.values()}, read_started(deployment)
    change(deployment, *NAMES)
    podman.fails = {f"run {at}": failed("no space left")}
    one = PodmanLifecycle(deployment)
    one.remember()
    with pytest.raises(ComposerError, match="no space left"):
        one.start(manifest, Heard())
    podman.fails = {}
    one.roll_back(manifest, Heard())
    assert podman.running() == NAMES
    assert {one.service: one.configuration for one in podman.there.values()} == before
    assert read_started(deployment) == files


def test_what_cannot_be_started_is_named(podman: MemoryPodman, manifest: Manifest, deployment: Path) -> None:
    podman.cannot_start = {"site-1": "no such file or directory: /srv/ct"}
    one = PodmanLifecycle(deployment)
    one.remember()
    with pytest.raises(ComposerError) as caught:
        one.start(manifest, Heard())
    assert "site-1 cannot be started: no such file or directory: /srv/ct" in str(one.explain(caught.value, manifest))
    one.roll_back(manifest, Heard())
    assert podman.there == {}


def test_another_runtime_does_not_start_beside_it(
    podman: MemoryPodman, manifest: Manifest, deployment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if name == "podman" else None)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    started(deployment, manifest)
    refuse_other_runtime(deployment, "podman")
    with pytest.raises(ComposerError, match="run as containers of Podman"):
        refuse_other_runtime(deployment, "docker")
