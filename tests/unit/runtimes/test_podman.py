"""What is read of Podman, and which of its commands are run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from composer.deployment.layout import RUN_FILE
from composer.model.errors import ComposerError
from composer.render.podman_form import PodmanForm
from composer.runtimes.podman import commands
from composer.runtimes.podman.machine import findings
from tests.golden.cases import two_sites

HOST: dict[str, Any] = {
    "security": {"rootless": True},
    "idMappings": {"uidmap": [{"container_id": 0, "size": 1}, {"container_id": 1, "size": 65536}]},
    "cgroupVersion": "v2",
    "cgroupControllers": ["cpu", "memory", "pids"],
}


@pytest.fixture(autouse=True)
def whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with all that Podman uses."""
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    (tmp_path / "catatonit").touch()
    monkeypatch.setattr("composer.runtimes.podman.machine._INITS", (tmp_path / "catatonit",))


def _found(linger: bool = True, systemd: bool = True, **changes: Any) -> dict[str, str]:
    return {one.id: one.severity for one in findings({**HOST, **changes}, linger, systemd)}


def test_a_machine_that_is_as_it_should_be() -> None:
    assert _found() == {}


def test_too_few_subordinate_ids() -> None:
    assert _found(idMappings={"uidmap": [{"container_id": 0, "size": 1}]}) == {"SUBUID": "error"}


def test_who_does_not_linger_hears_of_it_where_there_is_systemd() -> None:
    assert _found(linger=False) == {"LINGER": "warning"}
    assert _found(linger=False, systemd=False) == {}


def test_root_needs_none_of_these() -> None:
    assert _found(linger=False, security={"rootless": False}, idMappings={"uidmap": None}) == {}


@pytest.mark.parametrize("changes", [{"cgroupVersion": "v1", "cgroupControllers": []}, {"cgroupControllers": ["cpu"]}])
def test_what_limits_nothing(changes: dict[str, Any]) -> None:
    assert _found(**changes) == {"CGROUPS": "warning"}


def test_tools_that_podman_itself_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("composer.runtimes.podman.machine._INITS", ())
    assert _found() == {"PASTA": "error", "INIT": "error"}


def test_an_admin_runs_once_and_is_not_started_again(tmp_path: Path) -> None:
    federation = replace(two_sites(), runtime="podman")
    (content,) = (one.content for one in PodmanForm(True).files(federation) if one.path.name == RUN_FILE)
    services = commands.parse_services(content)
    (admin,) = (one for one in services.values() if one.by_hand)
    argv = admin.run_once(("--tty",), ("nvflare", "job", "list")).argv
    assert argv[:4] == ("podman", "run", "--rm", "--interactive")
    assert argv[-3:] == ("nvflare", "job", "list")
    assert not [one for one in argv if one.startswith(("--restart", "--name"))]
    started = services["site-1"].run().argv
    assert started[:6] == ("podman", "run", "--detach", "--replace", "--name", "example-site-1")
    assert "--restart=on-failure" in started


@pytest.mark.parametrize("content", [b"", b"[]", b'{"services": {"a": {}}}', b'{"project": "p", "services": {"a": 1}}'])
def test_a_damaged_file_is_told(content: bytes) -> None:
    with pytest.raises(ComposerError, match="damaged"):
        commands.parse_services(content)
