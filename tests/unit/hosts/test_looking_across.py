"""What is read from several hosts at once: logs, images, consoles, doctor's findings; on engines in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from composer.deployment.recorded import read_manifest
from composer.hosts.delivery import look
from composer.hosts.examine import examine_hosts
from composer.images.store import ImageFacts
from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError
from composer.usecases.admin import admin
from composer.usecases.generate import generate
from composer.usecases.images import list_images
from composer.usecases.inputs import Inputs
from composer.usecases.logs import logs
from composer.usecases.session import open_session
from tests.fakes.engine import BEGAN
from tests.fakes.hosts import World, install
from tests.fakes.reporter import Heard
from tests.kitmaker import provision, to_be_run

ADMIN = "admin@nvidia.com"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path / "hosts")
    install(world, monkeypatch)
    return world


@pytest.fixture
def inputs(world: World, tmp_path: Path) -> Inputs:
    """A server here, a site and the administrator on ward, and a site on clinic."""
    hosts = "".join(
        f"  {name}: {{address: 10.0.0.{number}, endpoint: 'ssh://{name}', path: {world.path(name)}}}\n"
        for number, name in enumerate(("ward", "clinic"), 2)
    )
    where = f"site-1: {{host: ward}}, {ADMIN!r}: {{host: ward}}, site-2: {{host: clinic}}"
    definition = tmp_path / "composer.yml"
    definition.write_text(f"hosts:\n{hosts}participants: {{{where}}}\n")
    inputs = Inputs((provision(tmp_path, to_be_run()).prod,), definition, tmp_path / "deployment")
    generate(inputs)
    return inputs


def docker_logs(**by_service: str) -> Callable[[Command, Callable[[str], None]], None]:
    """Docker's command: what each service has written, with its container's name; `!` ends it with an error."""

    def stream(command: Command, line: Callable[[str], None]) -> None:
        for service in [name for name in by_service if name in command.argv]:
            if by_service[service] == "!":
                raise CommandFailed("docker compose logs", 1, "Cannot connect to the Docker daemon")
            line(f"{service}-1  | {by_service[service]}")

    return stream


def test_logs_are_read_from_all_hosts(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"server1": "serves", "site-1": "\x1b[31mred", "site-2": "well"}
    monkeypatch.setattr("composer.hosts.logs.stream", docker_logs(**said))
    lines: list[str] = []
    logs(inputs.deployment, (), lines.append)
    assert sorted(lines) == ["server1  | serves", "site-1  | red", "site-2  | well"]
    lines.clear()
    logs(inputs.deployment, ("site-2",), lines.append)
    assert lines == ["site-2  | well"]
    with pytest.raises(ComposerError, match="no participant is called site-9"):
        logs(inputs.deployment, ("site-9",), lines.append)


@pytest.mark.parametrize("follow", [False, True])
def test_the_host_whose_logs_end_is_named(follow: bool, inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("composer.hosts.logs.stream", docker_logs(**{"site-1": "!", "site-2": "well"}))
    lines, heard = list[str](), Heard()
    with pytest.raises(ComposerError, match=r"ward: .*Cannot connect to the Docker daemon"):
        logs(inputs.deployment, (), lines.append, follow=follow, reporter=heard)
    assert lines == ["site-2  | well"]
    assert [warning.startswith("ward: ") for warning in heard.warnings] == ([True] if follow else [])


def test_logs_of_hosts_that_are_away_are_missed(world: World, inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("composer.hosts.logs.stream", docker_logs(**{"site-2": "well"}))
    world.away = {"ward"}
    lines: list[str] = []
    with pytest.raises(ComposerError, match="ward: nobody listens"):
        logs(inputs.deployment, (), lines.append)
    assert lines == ["site-2  | well"]


def test_a_console_opens_where_the_kit_is(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    attached: list[Command] = []
    monkeypatch.setattr("composer.hosts.console.attach", lambda command: attached.append(command) or 7)
    heard = Heard()
    assert admin(inputs.deployment, None, (), True, heard) == 7
    manifest = read_manifest(inputs.deployment)
    assert manifest
    assert attached[0].argv[-4:] == ("run", "--rm", "--no-deps", manifest.participant(ADMIN).service)
    assert heard.warnings == [f"this is NVFLARE's own console; at «User Name» type {ADMIN}"]


@pytest.mark.parametrize(("arguments", "terminal"), [(("job", "list"), True), ((), False)])
def test_a_command_of_an_administrator_needs_the_kit_here(
    arguments: tuple[str, ...], terminal: bool, inputs: Inputs
) -> None:
    with pytest.raises(ComposerError, match=f"the kit of {ADMIN} is on ward"):
        admin(inputs.deployment, None, arguments, terminal, Heard())


def test_a_console_on_a_host_that_is_away(world: World, inputs: Inputs) -> None:
    world.away = {"ward"}
    with pytest.raises(ComposerError, match="ward: nobody listens"):
        admin(inputs.deployment, None, (), True, Heard())


def test_images_are_listed_where_they_are(world: World, inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = read_manifest(inputs.deployment)
    assert manifest
    site = manifest.participant("site-2")
    facts = ImageFacts("sha256:7", 100, 60, BEGAN, {"flare-composer.inputs": site.inputs})
    world.engines["clinic"].facts_of_images = {site.image: facts}
    world.away = {"ward"}
    monkeypatch.setattr("composer.usecases.images.image_store", lambda _: world.engines["local"])
    states = {(one.name, one.host): one.state for one in list_images(inputs.deployment) if one.host != "local"}
    assert states[("site-1", "ward")] == "unknown"
    assert states[("site-2", "clinic")] == "fresh"


def test_doctor_looks_at_every_host(world: World, inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    world.away = {"clinic"}
    listening = frozenset(range(65536))

    def late(connection: Any) -> Any:
        return SimpleNamespace(**{**vars(look(connection)), "behind": 90.0, "listening": listening})

    monkeypatch.setattr("composer.hosts.remote.look", late)
    with open_session(inputs).resolved() as federation:
        findings = {(one.id, one.severity): one.message for one in examine_hosts(federation)}
    assert findings[("HOST", "error")] == "clinic: nobody listens on its SSH port"
    assert findings[("CLOCK", "warning")] == "ward: its clock is 90 s behind"
