"""Every key of composer.yml is described, with an example that composer reads as such."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from composer.definition import (
    DataMount,
    Definition,
    HostChoice,
    ImageChoice,
    ParticipantChoice,
    definition_schema,
    load_definition,
)
from composer.definition.keys import KEYS

KINDS = (Definition, ImageChoice, HostChoice, ParticipantChoice, DataMount)
REQUIRED = {
    "HostChoice": {"address": "10.77.0.2"},
    "DataMount": {"source": "/srv/ct", "target": "/data/ct"},
}


def document(kind: str, key: str, example: str) -> dict[str, object]:
    """A composer.yml with the example in its place."""
    keys = {**REQUIRED.get(kind, {}), key: yaml.safe_load(example)}
    return {
        "Definition": keys,
        "ImageChoice": {"image": keys},
        "HostChoice": {"hosts": {"ward-a": keys}},
        "ParticipantChoice": {"participants": {"site-1": keys}},
        "DataMount": {"participants": {"site-1": {"data": [keys]}}},
    }[kind]


def test_every_key_is_described_and_no_other() -> None:
    documented = {kind: set(keys) for kind, keys in KEYS.items()}
    assert documented == {kind.__name__: {one.name for one in fields(kind)} for kind in KINDS}


@pytest.mark.parametrize(
    ("kind", "key", "example"),
    [(kind, key, one.example) for kind, keys in KEYS.items() for key, one in keys.items()],
)
def test_every_example_is_accepted_and_changes_something(tmp_path: Path, kind: str, key: str, example: str) -> None:
    path = tmp_path / "composer.yml"
    path.write_text(yaml.safe_dump(document(kind, key, example)))
    assert load_definition(path) != Definition()


def test_the_schema_has_a_description_and_an_example_for_each() -> None:
    schema = definition_schema()
    for kind in KEYS:
        properties = (schema if kind == "Definition" else schema["$defs"][kind])["properties"]
        for name, found in properties.items():
            assert found["description"].endswith("."), (kind, name)
            assert len(found["examples"]) == 1, (kind, name)
