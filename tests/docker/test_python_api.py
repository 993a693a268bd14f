"""The Python API, as a notebook has it."""

from __future__ import annotations

from pathlib import Path

import pytest

import composer
from composer import ComposerError, Inputs, Session, check, down, logs, open_session, plan_up, status, up
from tests.conftest import forget_images
from tests.fakes.reporter import Heard

pytestmark = [pytest.mark.docker, pytest.mark.nvflare, pytest.mark.usefixtures("engine")]


def test_a_federation_from_python(
    prod_00: Path, definition: Path | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    federation = Inputs((prod_00,), definition, tmp_path / "deployment")
    assert check(federation).ok
    session = open_session(federation)
    assert isinstance(session, Session)
    with session.resolved() as planned:
        assert [(one.name, one.type, one.host) for one in planned.started] == [
            ("server1", "server", "local"),
            ("site-1", "client", "local"),
            ("site-2", "client", "local"),
        ]
    assert not federation.deployment.exists()
    heard = Heard()
    (here,) = plan_up(federation).hosts
    assert here.start == ("server1", "site-1", "site-2")
    started = up(federation, heard)
    try:
        assert [one.name for one in started.participants if one.registered] == ["server1", "site-1", "site-2"]
        assert "Starting 3 participants" in heard.steps
        lines: list[str] = []
        logs(federation.deployment, ["site-1"], lines.append)
        assert any("Successfully registered client:site-1" in line for line in lines)
        assert status(federation.deployment).healthy
    finally:
        down(federation.deployment)
        forget_images(prod_00.parent.name)
    assert not status(federation.deployment).healthy
    # Nothing is said but through the reporter.
    assert capfd.readouterr() == ("", "")


def test_what_is_wrong_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(ComposerError) as caught:
        status(tmp_path)
    assert caught.value.message == f"{tmp_path} is not a deployment folder"
    assert caught.value.hint


def test_all_of_it_is_there() -> None:
    assert all(getattr(composer, name).__doc__ for name in composer.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'foo'"):
        _ = composer.foo
