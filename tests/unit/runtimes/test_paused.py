"""A container that somebody has paused is told so, and is never taken for one that has ended."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.model.errors import ComposerError
from composer.model.kinds import ParticipantType
from composer.runtimes.docker import own_containers, refuse_paused
from composer.runtimes.docker_lifecycle import DockerLifecycle
from composer.runtimes.engine import Engine
from composer.runtimes.lifecycle import require_same_authority
from composer.runtimes.observe import Here, view

NOW = datetime(2026, 1, 31, tzinfo=timezone.utc)


def _participant(name: str, kind: ParticipantType, host: str = "local") -> DeployedParticipant:
    kit = Path("kit")
    return DeployedParticipant(name, kind, name, kit, "", "", 0, "", "mtls", (), "", "", "", "", "", NOW, host)


def _manifest(deployment: Path, host: str = "local") -> Manifest:
    people = (_participant("server1", "server", host), _participant("site-1", "client", host))
    return Manifest("0", "study", "study", (deployment,), None, people, {})


def _engine(deployment: Path, states: dict[str, str], health: dict[str, Any] | None = None) -> Engine:
    """An engine whose containers are in these states; as Docker has it, who is paused has not exited with 0."""

    def inspect_container(name: str) -> dict[str, Any]:
        labels = {
            "com.docker.compose.project": "study",
            "flare-composer.participant": name,
            "flare-composer.deployment": str(deployment),
            "flare-composer.authority": "abc",
        }
        state = {"Status": states[name], "ExitCode": 0, "StartedAt": "2026-01-30T00:00:00Z", "Health": health}
        return {"Id": name, "Name": f"/study-{name}-1", "Config": {"Labels": labels}, "State": state}

    def listed(**_: object) -> list[dict[str, Any]]:
        return [{"Id": name} for name in states]

    api = SimpleNamespace(containers=listed, inspect_container=inspect_container)
    return Engine(cast("Any", api))


@pytest.mark.parametrize(("host", "where"), [("local", ""), ("hub", " on hub")])
def test_who_is_paused_is_told_with_the_command_that_wakes_it(tmp_path: Path, host: str, where: str) -> None:
    engine = _engine(tmp_path, {"server1": "paused", "site-1": "exited"})
    server, site = view(engine, _manifest(tmp_path, host), tmp_path, NOW, Here(tmp_path)).participants
    assert (server.state, server.well) == ("paused", False)
    assert server.detail == f"somebody paused it: docker unpause study-server1-1{where}"
    assert (site.state, site.detail) == ("stopped", "shut down by an administrator")


@pytest.mark.parametrize(("streak", "health"), [(0, "starting"), (2, "unhealthy")])
def test_who_has_been_woken_is_not_unhealthy_before_docker_has_looked(tmp_path: Path, streak: int, health: str) -> None:
    engine = _engine(tmp_path, {"site-1": "running"}, {"Status": "unhealthy", "FailingStreak": streak})
    assert engine.containers("study")[0].health == health


def test_nothing_is_started_over_those_who_are_paused(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path)
    containers = own_containers(_engine(tmp_path, {"server1": "paused", "site-1": "paused"}), manifest, tmp_path)
    with pytest.raises(ComposerError, match="server1, site-1 are paused") as told:
        refuse_paused(manifest, containers)
    assert "docker unpause study-server1-1 study-site-1-1" in told.value.hint
    alone = {"site-1": containers["site-1"]}
    with pytest.raises(ComposerError, match="site-1 is paused"):
        refuse_paused(manifest, alone)


def test_nobody_is_refused_who_runs_or_has_ended(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path)
    refuse_paused(manifest, own_containers(_engine(tmp_path, {"server1": "running"}), manifest, tmp_path))
    refuse_paused(manifest, own_containers(_engine(tmp_path, {"server1": "exited"}), manifest, tmp_path))
    refuse_paused(manifest, {})


def test_kits_of_another_authority_are_refused_over_who_is_paused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "containers_of", lambda engine, _: engine.containers("study"))
    present = DockerLifecycle(tmp_path, _engine(tmp_path, {"server1": "paused"})).remember()
    with pytest.raises(ComposerError, match="another authority"):
        require_same_authority(present, "def", tmp_path)
