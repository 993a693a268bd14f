"""What this machine makes for whom: images for all hosts, virtual environments for itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.model.errors import ComposerError
from composer.model.host import Host
from composer.model.kinds import LOCAL, ParticipantType, RuntimeName
from composer.runtimes.makers import Makers
from tests.fakes.lifecycle import InMemory, Memory

END = datetime(2027, 1, 1, tzinfo=timezone.utc)
WARD = Host("ward", "10.0.0.3", "ssh://ward", PurePosixPath("/srv/flare/far"))


def participant(name: str, kind: ParticipantType, host: str) -> DeployedParticipant:
    return DeployedParticipant(name, kind, name, Path(name), "", "", 0, "", "mtls", (), "", "", "", "", "", END, host)


class Plain(InMemory):
    """One that makes nothing for others, as that of plain processes."""

    makes_for_others = False


def manifest(here: RuntimeName, there: RuntimeName) -> Manifest:
    everybody = (participant("server1", "server", LOCAL), participant("site-1", "client", "ward"))
    hosts = (replace(WARD, runtime=there),)
    return Manifest("1", "far", "far", (), None, everybody, {}, hosts, runtime=here)


@pytest.fixture
def memories(monkeypatch: pytest.MonkeyPatch) -> dict[str, Memory]:
    found = {name: Memory(stale={"server1", "site-1"}) for name in ("docker", "process")}

    def lifecycle_of(runtime: str, folder: Path) -> InMemory:
        return (InMemory if runtime == "docker" else Plain)(found[runtime], folder)

    monkeypatch.setattr("composer.runtimes.makers.lifecycle_of", lifecycle_of)
    return found


def makers(memories: dict[str, Memory], here: str) -> Makers:
    own: Any = InMemory if here == "docker" else Plain
    return Makers(Path("/nowhere"), own(memories[here], Path("/nowhere")))


def test_containers_everywhere(memories: dict[str, Memory]) -> None:
    assert makers(memories, "docker").stale(manifest("docker", "docker")) == ("server1", "site-1")


def test_processes_there_are_not_made_here(memories: dict[str, Memory]) -> None:
    assert makers(memories, "docker").stale(manifest("docker", "process")) == ("server1",)
    assert makers(memories, "process").stale(manifest("process", "process")) == ("server1",)


def test_images_of_others_are_made_where_nobody_runs_in_a_container(memories: dict[str, Memory]) -> None:
    mixed = manifest("process", "docker")
    one = makers(memories, "process")
    assert one.stale(mixed) == ("server1", "site-1")
    assert [memory.asked for memory in memories.values()] == [["stale"], ["stale"]]
    memories["docker"].fails = {"require_tools": ComposerError("there is no docker", "install it")}
    with pytest.raises(ComposerError, match="there is no docker"):
        one.require_tools_of_others(mixed)


def test_tools_of_nobody_are_not_asked_for(memories: dict[str, Memory]) -> None:
    makers(memories, "process").require_tools_of_others(manifest("process", "process"))
    makers(memories, "docker").require_tools_of_others(manifest("docker", "process"))
    assert [memory.asked for memory in memories.values()] == [[], []]
