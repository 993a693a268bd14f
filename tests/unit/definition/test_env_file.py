"""Secrets are in an env_file, of Compose's form, or in the environment of whoever runs composer."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.definition import Definition, load_definition
from composer.definition.env_file import parse_env_file, private_values
from composer.model.errors import ComposerError

CALLER = {"TOKEN": "hf_1", "EMPTY": ""}


def load(tmp_path: Path, text: str) -> Definition:
    (tmp_path / "composer.yml").write_text(text)
    return load_definition(tmp_path / "composer.yml")


def secret(tmp_path: Path, text: str, name: str = "site.env", mode: int = 0o600) -> Path:
    path = tmp_path / name
    path.write_text(text)
    path.chmod(mode)
    return path


# Each of them was seen to be read so by Compose 2.26, too (tests/docker/test_private_values.py).
FORMS = {
    "A=b": "b",
    "export A=b": "b",
    "  A = b  ": "b",
    "A: b": "b",
    "A=": "",
    "A=b # why": "b",
    "A=b#c": "b#c",
    "A='b # $TOKEN' # why": "b # $TOKEN",
    'A="b # c"': "b # c",
    r'A="b\nc\"d\\e\$TOKEN"': 'b\nc"d\\e$TOKEN',
    "A=${TOKEN}": "hf_1",
    "A=$TOKEN-x": "hf_1-x",
    'A="${TOKEN}"': "hf_1",
    "A=${NONE:-x y}": "x y",
    "A=${EMPTY:-x}": "x",
    "A=${EMPTY-x}": "",
    "A=b=c": "b=c",
}


@pytest.mark.parametrize(("line", "value"), FORMS.items())
def test_a_file_is_read_as_by_compose(line: str, value: str) -> None:
    assert parse_env_file(f"\n# first\n{line}\n", CALLER, "f") == {"A": value}


def test_names_without_values_and_of_earlier_lines_are_looked_up() -> None:
    assert parse_env_file("TOKEN\nA=1\nB=${A}2\nA=3", CALLER, "f") == {"TOKEN": "hf_1", "A": "3", "B": "12"}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("A=1\nsecret words", "f:2: this is no NAME=value"),
        ("=secret", "f:1: this is no NAME=value"),
        ("A='secret", "f:1: a quote is not closed"),
        ('A="secret', "f:1: a quote is not closed"),
        ("A='secret' words", "f:1: a quote is not closed"),
        ("NONE", "f:1: ${NONE} is not set"),
        ("A=${NONE}", "f:1: ${NONE} is not set"),
        ("A=${EMPTY:?secret}", "f:1: ${EMPTY} is not set"),
    ],
)
def test_what_is_no_such_file_is_refused_without_showing_it(text: str, cause: str) -> None:
    with pytest.raises(ComposerError) as caught:
        parse_env_file(text, CALLER, "f")
    assert caught.value.message.startswith(cause)
    assert "secret" not in caught.value.message + caught.value.hint


def test_files_and_the_caller_give_values_and_what_is_written_out_goes_before(tmp_path: Path) -> None:
    secret(tmp_path, "A=1\nB=1\nC=1\n")
    secret(tmp_path, "B=2\nC=2\n", "more.env")
    definition = load(
        tmp_path,
        "participants: {s: {env_file: [site.env, more.env], environment: {C: own, D: 'x-${TOKEN}', TOKEN: , E: $A}}}",
    )
    assert private_values(definition, CALLER) == {"s": {"A": "1", "B": "2", "D": "x-hf_1", "TOKEN": "hf_1"}}


def test_one_file_is_a_text_and_a_name_alone_is_of_the_caller(tmp_path: Path) -> None:
    secret(tmp_path, "A=1")
    definition = load(tmp_path, "participants: {s: {env_file: site.env, environment: [TOKEN, B=2]}}")
    assert private_values(definition, CALLER) == {"s": {"A": "1", "TOKEN": "hf_1"}}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    secret(tmp_path, "A=1", mode=mode)
    definition = load(tmp_path, "participants: {s: {env_file: site.env}}")
    with pytest.raises(ComposerError) as caught:
        private_values(definition, CALLER)
    assert caught.value.hint == f"chmod 600 {tmp_path}/site.env" or "chmod" in caught.value.hint


def test_a_file_that_is_missing_and_a_variable_that_is_not_set_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ComposerError, match=r"site\.env"):
        private_values(load(tmp_path, "participants: {s: {env_file: site.env}}"), CALLER)
    definition = load(tmp_path, "participants: {s: {environment: {A: '${NONE}'}}}")
    with pytest.raises(ComposerError, match=r"participants\.s\.environment\.A: \$\{NONE\} is not set") as caught:
        private_values(definition, CALLER)
    assert "export NONE" in caught.value.hint
