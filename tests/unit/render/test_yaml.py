"""What is written as YAML is read by Compose as the same strings."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import composer.render.yaml
from composer.render.yaml import dump_compose

# Compose refuses control characters, as YAML does; names with them never get here.
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60)
# A key that is empty, or longer than 128 bytes as it is written, is no name of anything in a Compose file.
KEY = TEXT.filter(lambda text: 0 < len(json.dumps(text)) < 60 and text)
TRAPS = st.sampled_from(
    ["089", "1e3", "0o17", "null", "~", "on", "yes", "1:30", "- a", ": b", "&a", "*a", "!!int 3", "#", "${HOME}", "$$"]
)


@given(st.dictionaries(st.one_of(TRAPS, TEXT), st.one_of(TRAPS, TEXT, st.lists(TRAPS))))
def test_every_string_survives(document: dict[str, str | list[str]]) -> None:
    def doubled(value: str | list[str]) -> str | list[str]:
        return value.replace("$", "$$") if isinstance(value, str) else [doubled(item) for item in value]

    assert yaml.safe_load(dump_compose(document)) == {key: doubled(value) for key, value in document.items()}


@given(st.dictionaries(TRAPS | KEY, st.one_of(TRAPS, TEXT, st.lists(TEXT))))
def test_with_and_without_libyaml_the_bytes_are_the_same(document: dict[str, str | list[str]]) -> None:
    assert hasattr(yaml, "CSafeDumper")
    fast = dump_compose(document)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(composer.render.yaml, "_DUMPER", composer.render.yaml._dumper(yaml.SafeDumper))
        assert dump_compose(document) == fast


def test_every_string_is_quoted_and_nothing_else() -> None:
    text = dump_compose({"a": "x", "n": 3, "t": True, "l": ["1e3"]})
    assert text == '"a": "x"\n"n": 3\n"t": true\n"l":\n- "1e3"\n'


def test_keys_are_not_interpolated_by_compose_so_they_are_not_doubled() -> None:
    assert yaml.safe_load(dump_compose({"$k": "$v"})) == {"$k": "$$v"}
