"""An engine on another machine is not used as if it were here: it has neither the kits nor this machine's ports."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from docker.errors import DockerException

from composer.model.errors import ComposerError
from composer.runtimes.engine import connect


def refused() -> ComposerError:
    with pytest.raises(ComposerError, match="is on another machine") as caught:
        connect()
    assert "composer.yml, hosts" in caught.value.hint
    return caught.value


def test_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://ops@hub")
    assert "ssh://ops@hub" in refused().message


def test_by_a_context_that_the_sdk_cannot_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(_: str | None) -> None:
        raise DockerException("Install paramiko package to enable ssh:// support")

    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("composer.runtimes.engine_client.open_client", lacks)
    refused()


def test_by_a_context_that_the_sdk_can_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    client = SimpleNamespace(base_url="http+docker://ssh", api_version="1.44")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("composer.runtimes.engine_client.open_client", lambda _: client)
    refused()
