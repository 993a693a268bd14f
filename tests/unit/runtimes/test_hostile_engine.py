"""An engine behind SSH is its host's: whatever it answers, composer ends with a line of cause, in little memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from composer.model.errors import ComposerError
from composer.runtimes.engine import Engine, connect
from tests import kitmaker
from tests.conftest import COMPOSER, composer, run
from tests.fakes.served import VERSION, Answer, bytes_of, cut, json_of, served, without_end

# Docker's SDK leaves the connections of what it reads in blocks to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
# More than any honest engine says at once; what a hostile one gets rid of lies also in the buffers of the socket.
MOST = 40 << 20

CALLS: dict[str, Callable[[Engine], object]] = {
    "facts": Engine.facts,
    "built_images": Engine.built_images,
    "layers": lambda engine: engine.layers("study/site-1:2.9.0"),
    "image_facts": Engine.image_facts,
    "has_image": lambda engine: engine.has_image("study/site-1:2.9.0"),
    "containers": lambda engine: engine.containers("study"),
    "containers_of": lambda engine: engine.containers_of(Path("/deployment")),
    "compose_projects_of": lambda engine: engine.compose_projects_of(Path("/deployment")),
    "processes": lambda engine: engine.processes("abc"),
    "read": lambda engine: engine.read("abc", "/workspace/composer.state", 64),
    "run_in": lambda engine: engine.run_in("abc", "true"),
    "remove_untagged": Engine.remove_untagged,
    "last_lines": lambda engine: engine.last_lines("abc", 20),
}
LABELS = {"com.docker.compose.project": "study", "flare-composer.deployment": "/deployment"}
LISTED = {"Id": "abc", "State": "running", "Labels": LABELS}
ANSWERS: dict[str, Answer] = {
    "bytes without end": without_end(),
    "an error without end": without_end(b'{"message": "', status=500),
    "no such thing, without end": without_end(b'{"message": "', status=404),
    "another address, without end": without_end(status=302, Location="/elsewhere"),
    "nested too deep": bytes_of(b"[" * 100_000 + b"]" * 100_000),
    "an error nested too deep": bytes_of(b"[" * 100_000 + b"]" * 100_000, 500),
    "an error that is a list": json_of([7], 500),
    "a number too long": bytes_of(b"[" + b"9" * 5_000 + b"]"),
    "an answer that is cut": cut(b'[{"Id": "abc"'),
    "no JSON": bytes_of(b"busy"),
    "no text": bytes_of(b"\xff\xfe\x00"),
    "a number": json_of(7),
    "null": json_of(None),
    "a list of numbers": json_of([7]),
    "a list of lists": json_of([[]]),
    "labels that are a number": json_of([{**LISTED, "Labels": 7, "RepoTags": ["a:1"]}]),
    "an id that is a list": json_of([{**LISTED, "Id": ["abc"], "RepoTags": ["a:1"]}]),
    "labels that are lists": json_of([{**LISTED, "Labels": {name: [] for name in LABELS}, "RepoTags": [[]]}]),
    "numbers without sense": json_of(
        {
            **LISTED,
            "Name": "/study-1",
            "Config": {"Labels": LABELS},
            "State": {"Status": "running", "ExitCode": 1e300, "StartedAt": "9999-99-99"},
            "Images": [{"Id": "abc", "RepoTags": ["a:1"], "Size": 1, "Created": 1e300}],
            "Processes": 7,
            "RootFS": 7,
        }
    ),
}


@pytest.mark.parametrize("how", ANSWERS)
def test_every_call_ends_with_a_line_of_cause_or_well(how: str, tmp_path: Path) -> None:
    for name, call in CALLS.items():
        place = tmp_path / f"{name}.sock"
        with served(place, {"/version": json_of(VERSION)}, ANSWERS[how]) as engine:
            connected = connect(engine.host)
            try:
                call(connected)
            except FileNotFoundError:
                assert name == "read"
            except ComposerError as error:
                assert error.hint
                assert "\n" not in error.message
                assert len(error.message) < 800
            assert engine.sent < MOST, name


def test_one_answer_of_a_wrong_type_is_not_taken_for_a_good_one(tmp_path: Path) -> None:
    inspected = {"Id": "abc", "Name": 7, "Config": {"Labels": LABELS}, "State": {"Status": "running"}}
    answers = {"/version": json_of(VERSION), "/containers/json": json_of([LISTED])}
    with served(tmp_path / "engine.sock", answers, json_of(inspected)) as engine, pytest.raises(ComposerError):
        connect(engine.host).containers("study")


@pytest.mark.parametrize("how", ["bytes without end", "nested too deep", "a number", "a list of numbers"])
def test_an_engine_that_does_not_say_its_version_well(how: str, tmp_path: Path) -> None:
    with served(tmp_path / "engine.sock", {}, ANSWERS[how]) as engine:
        with pytest.raises(ComposerError) as told:
            connect(engine.host)
        assert engine.sent < MOST
    assert told.value.hint


@pytest.mark.parametrize("version", ["x.y", "", "1", 7, None, "9" * 5_000, "1.\x1b[2J"])
def test_an_api_version_without_sense(version: object, tmp_path: Path) -> None:
    with served(tmp_path / "engine.sock", {}, json_of({**VERSION, "ApiVersion": version})) as engine:
        try:
            connect(engine.host)
        except ComposerError as error:
            assert "\x1b" not in error.message + error.hint


def test_a_frame_of_a_log_that_claims_four_gigabytes(tmp_path: Path) -> None:
    """Docker's SDK would read the whole frame before it hands on a byte of it."""
    answers = {
        "/version": json_of(VERSION),
        "/containers/abc/json": json_of({"Config": {"Tty": False}}),
        "/containers/abc/logs": without_end(b"\x01\x00\x00\x00\xff\xff\xff\xff", block=b"x" * (1 << 16)),
    }
    with served(tmp_path / "engine.sock", answers, json_of({})) as engine:
        (line,) = connect(engine.host).last_lines("abc", 20)
        assert engine.sent < MOST
    assert set(line) == {"x"}
    assert len(line) <= 1 << 20


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    target = folder / "deployment"
    kits = kitmaker.provision(folder, kitmaker.Project("2.9", "hostile-engine")).prod
    made = composer("generate", kits, "-C", target, cwd=folder)
    assert made.returncode == 0, made.err
    return target


@pytest.mark.parametrize("how", ["bytes without end", "nested too deep", "a list of numbers", "null"])
@pytest.mark.parametrize("command", [("status",), ("status", "--json"), ("images",), ("down",)])
def test_a_command_ends_with_one_line_of_cause_and_one_of_what_to_do(
    how: str, command: tuple[str, ...], generated: Path, tmp_path: Path
) -> None:
    with served(tmp_path / "engine.sock", {"/version": json_of(VERSION)}, ANSWERS[how]) as engine:
        argv = [*COMPOSER, *command, "-C", str(generated)]
        ended = run(argv, env={"DOCKER_HOST": engine.host}, timeout=60)
        assert engine.sent < MOST * len(engine.asked)
    assert ended.returncode == 1, ended.out + ended.err
    told = [line.strip() for line in ended.err.splitlines()]
    assert [line.split(":")[0] for line in told if line.startswith(("error", "hint"))] == ["error", "hint"], ended.err
    assert "Traceback" not in ended.err
    if "--json" in command:
        assert not ended.out or json.loads(ended.out)
