"""How containers are seen to run, and what is told of those who are not well, on an engine in memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from composer.model.errors import ComposerError
from composer.model.status import ParticipantStatus
from composer.runtimes.containers import Containers
from composer.runtimes.docker_lifecycle import DockerLifecycle
from composer.usecases.generate import generate
from composer.usecases.inputs import Inputs
from tests.fakes.engine import BEGAN, MemoryEngine
from tests.fakes.reporter import Heard
from tests.kitmaker import Project, provision

NOW = BEGAN + timedelta(minutes=7)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> MemoryEngine:
    """An engine, beside a Compose that finds its containers as the files have them."""
    engine = MemoryEngine()
    engine.install(monkeypatch)

    def hashes(*_: object, **__: object) -> str:
        return "".join(f"{one.service} {one.configuration}\n" for one in engine.there.values())

    monkeypatch.setattr("composer.runtimes.docker.run", hashes)
    return engine


@pytest.fixture
def containers(engine: MemoryEngine, tmp_path: Path) -> Containers:
    made = generate(Inputs((provision(tmp_path, Project("2.9")).prod,), None, tmp_path / "deployment"))
    engine.images = {one.image: one.inputs for one in made.manifest.participants}
    lifecycle = DockerLifecycle(tmp_path / "deployment")
    lifecycle.start(made.manifest, Heard())
    return lifecycle.watched(made.manifest)


def site_1(containers: Containers, now: datetime = NOW) -> ParticipantStatus:
    return next(one for one in containers.examine(now).participants if one.name == "site-1")


def change(engine: MemoryEngine, **fields: object) -> None:
    """Let the engine say something else of the container of site-1."""
    for id_, one in engine.there.items():
        if one.participant == "site-1":
            engine.there[id_] = replace(one, **fields)


def says(containers: Containers, state: str, at: datetime = BEGAN) -> None:
    """Let site-1's entrypoint write what it does."""
    file = containers.deployment / "workspaces" / "site-1" / "composer.state"
    file.write_text(f"{state} {at:%Y-%m-%dT%H:%M:%S}Z\n")


def test_who_says_so_is_registered(containers: Containers) -> None:
    says(containers, "registered", BEGAN + timedelta(seconds=3))
    seen = site_1(containers)
    assert (seen.state, seen.registered, seen.since) == ("running", True, BEGAN + timedelta(seconds=3))
    assert seen.health in ("none", "healthy")


def test_who_has_no_container_is_told_with_the_command_that_starts_it(
    engine: MemoryEngine, containers: Containers
) -> None:
    DockerLifecycle(containers.deployment).stop_only(containers.manifest.only(["site-1"]), Heard(), remain=False)
    seen = site_1(containers)
    assert (seen.state, seen.detail) == ("absent", "it was not started, or was stopped: composer start site-1")


def test_what_was_said_in_a_former_life_does_not_count(engine: MemoryEngine, containers: Containers) -> None:
    says(containers, "registered")
    change(engine, started=datetime.now(timezone.utc) + timedelta(hours=1))
    assert not site_1(containers).registered


@pytest.mark.parametrize(
    ("fields", "state", "detail"),
    [
        ({"state": "exited", "exit_code": 0}, "stopped", "shut down by an administrator"),
        ({"state": "exited", "exit_code": 137}, "exited", "ended with status 137"),
        (
            {"state": "exited", "exit_code": 137, "out_of_memory": True},
            "exited",
            "ended with status 137; it ran out of memory, says its engine",
        ),
        ({"state": "exited", "exit_code": 143}, "exited", "somebody stopped it: composer start site-1"),
        ({"state": "paused"}, "paused", "somebody paused it: docker unpause fedx-site-1-1"),
        ({"state": "restarting", "restarts": 1}, "restarting", "has crashed; its last line: No such module"),
        ({"state": "running", "restarts": 3}, "running", "crashes again and again; its last line: No such module"),
    ],
)
def test_who_does_not_run_is_told_why(
    fields: dict[str, object], state: str, detail: str, engine: MemoryEngine, containers: Containers
) -> None:
    engine.lines = ("a line", "No such module", "composer: starting again", "")
    change(engine, **fields)
    seen = site_1(containers)
    assert (seen.state, seen.detail, seen.registered) == (state, detail, False)


def test_restarts_of_long_ago_are_no_crashes_of_now(engine: MemoryEngine, containers: Containers) -> None:
    """Docker counts them for as long as there is the container."""
    change(engine, restarts=3)
    assert site_1(containers, BEGAN + timedelta(hours=2)).detail.startswith("up for 120 min and not registered")


def test_who_is_not_registered_is_told_for_how_long_and_what_its_server_says(containers: Containers) -> None:
    """The server of the kits is nobody's: its name has no address here."""
    assert site_1(containers).detail.startswith("up for 7 min and not registered; server1:")
    assert site_1(containers, BEGAN).detail.startswith("not registered yet; server1:")
    assert containers.unreachable(containers.manifest.participant("site-1")).startswith("server1:")


def test_who_has_no_container_is_absent(engine: MemoryEngine, containers: Containers) -> None:
    engine.there = {id_: one for id_, one in engine.there.items() if one.participant != "site-1"}
    seen = site_1(containers)
    assert (seen.state, seen.drift, seen.image_fresh) == ("absent", "", True)
    assert containers.last_log_line("site-1") == ""


def remove_kit(containers: Containers) -> None:
    shutil.rmtree(containers.manifest.participant("site-1").kit)


def replace_kit(containers: Containers) -> None:
    kit = containers.manifest.participant("site-1").kit
    other = provision(kit.parent.parent / "other", Project("2.9", name="another")).prod
    shutil.copy(other / "site-1/startup/rootCA.pem", kit / "startup/rootCA.pem")


@pytest.mark.parametrize(
    ("act", "drift"),
    [(remove_kit, "the kit is gone"), (replace_kit, "the kit has been replaced by one of another authority")],
)
def test_a_kit_that_is_not_that_of_the_container_is_told(
    act: Callable[[Containers], None], drift: str, containers: Containers
) -> None:
    assert site_1(containers).drift == ""
    act(containers)
    assert site_1(containers).drift == drift


def test_what_has_changed_since_the_start_is_told(
    engine: MemoryEngine, containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("composer.runtimes.docker.run", lambda *_, **__: "site-1 another\n")
    change(engine, inputs="of another Dockerfile")
    seen = site_1(containers)
    assert not seen.image_fresh
    assert seen.drift == (
        "docker-compose.yml or compose.override.yml has changed; "
        "the Dockerfile has changed since the image was built: composer up"
    )


def test_a_compose_file_that_cannot_be_read_hides_nobody(
    engine: MemoryEngine, containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> str:
        raise ComposerError("yaml: line 3", "mend it")

    monkeypatch.setattr("composer.runtimes.docker.run", fails)
    assert (site_1(containers).state, site_1(containers).drift) == ("running", "")


def test_who_listens_is_asked_of_those_who_open_a_port(
    engine: MemoryEngine, containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert containers.strangers() == {"server1": ""}
    (port,) = containers.manifest.participant("server1").listens
    monkeypatch.setattr(engine, "run_in", lambda *_: (0, f"{port} outside\n"))
    told = f"port {port} has several listeners: one outside of its container"
    assert containers.strangers() == {"server1": told}
