"""What an engine says of itself is good to know, and no more: one that does not say it well stops no ``up``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import kitmaker
from tests.conftest import Ended, composer
from tests.fakes.served import VERSION, bytes_of, json_of, served

GOOD = {"ServerVersion": "27.3.1", "DockerRootDir": "/nowhere", "SystemTime": "2026-11-24T10:00:00.5Z"}


@contextmanager
def engine(place: Path, info: bytes, status: int = 200) -> Iterator[str]:
    """An engine without images and containers, and with something to say of itself."""
    answers = {"/info": bytes_of(info, status), "/version": json_of(VERSION), ".*/json": json_of([])}
    with served(place, answers, json_of({"message": "no such thing"}, 404)) as there:
        yield there.host


@pytest.fixture
def tools(tmp_path: Path) -> str:
    """A PATH with a Compose that is new enough, whatever this machine has."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "docker").write_text("#!/bin/sh\necho 2.30.0\n")
    (folder / "docker").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


BAD = {
    "a time without sense": (json.dumps({**GOOD, "SystemTime": "yesterday"}).encode(), 200),
    "a list": (b"[]", 200),
    "an error": (b'{"message": "it is busy"}', 500),
    "no JSON": (b"busy", 200),
    "a version without sense": (json.dumps({**GOOD, "SecurityOptions": 7}).encode(), 200),
}


def dry_run(tmp_path: Path, host: str, path: str) -> Ended:
    kits = kitmaker.provision(tmp_path, kitmaker.to_be_run()).prod
    return composer("up", "--dry-run", kits, "-C", tmp_path / "deployment", DOCKER_HOST=host, PATH=path)


@pytest.mark.parametrize("how", BAD)
def test_up_succeeds_all_the_same(how: str, tmp_path: Path, tools: str) -> None:
    with engine(tmp_path / "docker.sock", *BAD[how]) as host:
        ended = dry_run(tmp_path, host, tools)
    assert ended.returncode == 0, ended.err


@pytest.mark.parametrize("how", BAD)
def test_doctor_tells_it_and_goes_on(how: str, tmp_path: Path, tools: str) -> None:
    with engine(tmp_path / "docker.sock", *BAD[how]) as host:
        ended = composer("doctor", "-C", tmp_path / "deployment", DOCKER_HOST=host, PATH=tools)
    assert "Traceback" not in ended.err
    assert ended.returncode == 3, ended.err
    assert "ENGINE" in ended.out


def test_an_engine_that_says_it_well(tmp_path: Path, tools: str) -> None:
    with engine(tmp_path / "docker.sock", json.dumps(GOOD).encode()) as host:
        assert dry_run(tmp_path, host, tools).returncode == 0
        ended = composer("doctor", "-C", tmp_path / "deployment", DOCKER_HOST=host, PATH=tools)
    assert "ENGINE" not in ended.out
    assert "CLOCK" in ended.out
