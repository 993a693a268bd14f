"""composer.yml as people write it who know Compose: values in its forms, and keys by its names."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.definition import DataMount, Definition, Ulimit, definition_schema, load_definition
from composer.model.errors import DefinitionError


def load(tmp_path: Path, text: str) -> Definition:
    (tmp_path / "composer.yml").write_text(text)
    return load_definition(tmp_path / "composer.yml")


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(DefinitionError) as refused:
        load(tmp_path, text)
    return refused.value.message


@pytest.mark.parametrize(
    ("written", "gpus"),
    [("1", ("0",)), ("2", ("0", "1")), ("all", "all"), ("[0, 3]", (0, 3)), ("['GPU-1']", ("GPU-1",))],
)
def test_a_number_of_gpus_is_the_first_ones(written: str, gpus: object, tmp_path: Path) -> None:
    assert load(tmp_path, f"participants: {{s: {{gpus: {written}}}}}").participants["s"].gpus == gpus


@pytest.mark.parametrize("written", ["0", "-1", "true", "some", "100000000000"])
def test_what_is_no_number_of_gpus_is_refused(written: str, tmp_path: Path) -> None:
    assert "participants.s.gpus" in refusal(tmp_path, f"participants: {{s: {{gpus: {written}}}}}")


@pytest.mark.parametrize("written", ["1.5", "'1.5'"])
def test_processors_are_a_number_or_its_text(written: str, tmp_path: Path) -> None:
    assert load(tmp_path, f"participants: {{s: {{cpus: {written}}}}}").participants["s"].cpus == 1.5


def test_a_limit_is_a_number_or_two(tmp_path: Path) -> None:
    limits = load(tmp_path, "participants: {s: {ulimits: {nofile: 65536, core: {soft: 0, hard: -1}}}}")
    assert limits.participants["s"].ulimits == {"nofile": Ulimit(65536, 65536), "core": Ulimit(0, -1)}


@pytest.mark.parametrize("written", ["nofile: many", "nofile: true", "nofile: {soft: 1}", "nofile: [1, 2]"])
def test_what_is_no_limit_is_refused(written: str, tmp_path: Path) -> None:
    assert "participants.s.ulimits" in refusal(tmp_path, f"participants: {{s: {{ulimits: {{{written}}}}}}}")


ENVIRONMENTS = {
    "{N: 4}": "4",
    "{N: 1.10}": "1.10",
    "{N: true}": "true",
    "{N: '04'}": "04",
    "['N=a=b']": "a=b",
    "[N=]": "",
}


@pytest.mark.parametrize("where", ["image: {%s}", "participants: {s: {%s}}", "participants: {s: {image: {%s}}}"])
@pytest.mark.parametrize(("written", "value"), ENVIRONMENTS.items())
def test_an_environment_is_a_mapping_or_a_list(where: str, written: str, value: str, tmp_path: Path) -> None:
    definition = load(tmp_path, where % f"environment: {written}")
    own = definition.participants["s"] if definition.participants else None
    images = [definition.image, *([own.image] if own else [])]
    found = [one.environment for one in (*images, *([own] if own else [])) if one.environment]
    assert found == [{"N": value}]


@pytest.mark.parametrize("written", ["{N: [1]}", "[4]", "['=x']", "text"])
def test_what_is_no_environment_is_refused(written: str, tmp_path: Path) -> None:
    assert "participants.s.environment" in refusal(tmp_path, f"participants: {{s: {{environment: {written}}}}}")


@pytest.mark.parametrize(
    ("written", "read_only"),
    [("/ct:/data/ct", True), ("/ct:/data/ct:ro", True), ("/ct:/data/ct:rw", False)],
)
@pytest.mark.parametrize("form", ["['%s']", "'%s'"])
def test_data_has_composes_short_form(written: str, read_only: bool, form: str, tmp_path: Path) -> None:
    definition = load(tmp_path, f"participants: {{s: {{data: {form % written}}}}}")
    assert definition.participants["s"].data == (DataMount(Path("/ct"), "/data/ct", read_only),)


@pytest.mark.parametrize("written", ["/srv/ct", "a:b:c:d", "/a:/b:z"])
def test_what_is_no_mount_is_refused(written: str, tmp_path: Path) -> None:
    assert "participants.s.data" in refusal(tmp_path, f"participants: {{s: {{data: ['{written}']}}}}")


def test_host_entries_may_be_a_list(tmp_path: Path) -> None:
    definition = load(tmp_path, "extra_hosts: ['a.example:10.0.0.1', 'b.example=fe80::1']")
    assert definition.extra_hosts == {"a.example": "10.0.0.1", "b.example": "fe80::1"}


MEANT = {
    "particpants: {}": "participants",
    "services: {}": "participants",
    "network_mode: host": "network",
    "max_clients: 300": "max_num_clients",
    "gpus: all": "participants.NAME.gpus",
    "volumes: []": "participants.NAME.data",
    "requirements: r.txt": "image.requirements",
    "pip: r.txt": "image.requirements",
    "participants: {s: {gpu: all}}": "gpus",
    "participants: {s: {enviroment: {}}}": "environment",
    "participants: {s: {env: {}}}": "environment",
    "participants: {s: {volumes: []}}": "data",
    "participants: {s: {shm: 8g}}": "shm_size",
    "participants: {s: {mem_limit: 4g}}": "memory",
    "participants: {s: {image: {base_image: x}}}": "base",
    "participants: {s: {data: [{src: /a, target: /b}]}}": "source",
    "hosts: {h: {ip: 10.0.0.1}}": "address",
    "image: {Base: x}": "base",
}


@pytest.mark.parametrize(("written", "meant"), MEANT.items())
def test_an_unknown_key_is_told_with_the_one_that_was_meant(written: str, meant: str, tmp_path: Path) -> None:
    assert f"; did you mean {meant}?" in refusal(tmp_path, written)


@pytest.mark.parametrize("written", ["qqqq: 1", "participants: {s: {qqqq: 1}}", "image: {zzzz: 1}"])
def test_nothing_is_guessed_where_nothing_is_near(written: str, tmp_path: Path) -> None:
    said = refusal(tmp_path, written)
    assert "unknown key" in said
    assert "did you mean" not in said


def test_the_schema_has_the_short_forms_too() -> None:
    schema = definition_schema()
    participant = schema["$defs"]["ParticipantChoice"]["properties"]
    assert {"type": "string"} in schema["properties"]["kits"]["anyOf"]
    assert {"type": "integer", "minimum": 1, "maximum": 64} in participant["gpus"]["anyOf"]
    assert {"const": "all", "type": "string"} in participant["gpus"]["anyOf"]
    for one in (participant, schema["$defs"]["ImageChoice"]["properties"]):
        assert {"type": "array", "items": {"type": "string"}} in one["environment"]["anyOf"]
