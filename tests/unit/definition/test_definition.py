"""composer.yml is read strictly, and every finding comes at once, with its line."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from composer.definition import DataMount, Definition, definition_schema, load_definition
from composer.model.errors import ComposerError, DefinitionError

KEY_AND_NOISE = r"(kits|image|participants|[a-z]{1,3}): [\[\]{}&*!|>'\"a-z0-9, :-]{0,40}"


def load(tmp_path: Path, text: str) -> Definition:
    path = tmp_path / "composer.yml"
    path.write_text(text)
    return load_definition(path)


def refusal(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        load(tmp_path, text)
    prefix = f"{tmp_path}/composer.yml:"
    return [line.removeprefix(prefix) for line in caught.value.message.splitlines()]


@pytest.mark.parametrize("text", ["{}", "# image: {base: debian}\n"])
def test_a_file_without_keys_chooses_nothing(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == Definition()


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_file_that_an_editor_has_just_emptied_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DefinitionError, match=r"composer\.yml is empty"):
        load(tmp_path, text)


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    loaded = load(
        tmp_path,
        "kits: ws/prod_00\nimage: {requirements: req.txt, ca_bundle: /etc/ca.pem}\n"
        "participants: {site-1: {local: ../own, data: [{source: ct, target: /data}]}}\n",
    )
    assert loaded.kits == (tmp_path / "ws/prod_00",)
    assert loaded.image.requirements == tmp_path / "req.txt"
    assert loaded.image.ca_bundle == Path("/etc/ca.pem")
    site = loaded.participants["site-1"]
    assert site.local == tmp_path.parent / "own"
    assert site.data == (DataMount(tmp_path / "ct", "/data", read_only=True),)


def test_kits_may_be_several(tmp_path: Path) -> None:
    assert load(tmp_path, "kits: [a, b]").kits == (tmp_path / "a", tmp_path / "b")


def test_all_findings_come_at_once_with_their_lines(tmp_path: Path) -> None:
    assert refusal(
        tmp_path,
        """\
kits: ws/prod_00
imagee: 3
image: {nvflare: 2.9, bad: 1}
participants:
  site-1:
    data: [{source: /srv, target: /data, foo: 1}, {source: /srv}]
    environment: {A: "1", B: [2]}
network: token-ring
""",
    ) == [
        "2: unknown key imagee; did you mean image?",
        "3: image.nvflare: input should be a valid string (it is 2.9)",
        "3: unknown key image.bad",
        "6: participants.site-1.data.1 lacks target",
        "6: unknown key participants.site-1.data.0.foo",
        "7: participants.site-1.environment.B: input should be a valid string",
        "8: network: input should be 'host' or 'bridge' (it is 'token-ring')",
    ]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("kits: a\nkits: b", "2: kits is given twice"),
        ("participants:\n  a: {}\n  a: {}", "3: participants.a is given twice"),
        ("a: [", "1: not YAML: expected the node content, but found '<stream end>'"),
        ("- a", "1: the file must be a mapping of keys to values"),
        ("participants: {site-1: }", "1: participants.site-1 must be a mapping of keys to values"),
        (
            "!!python/object:os.system {}",
            "1: not YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:python/object:os.system'",
        ),
        ("a: &a [*a]", "1: unknown key a"),
    ],
)
def test_one_finding(tmp_path: Path, text: str, finding: str) -> None:
    assert refusal(tmp_path, text) == [finding]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ComposerError, match=f"cannot read {tmp_path}/no.yml: No such file") as caught:
        load_definition(tmp_path / "no.yml")
    assert caught.value.hint


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.text(max_size=200), st.from_regex(KEY_AND_NOISE)))
def test_no_text_makes_it_stumble(tmp_path: Path, text: str) -> None:
    path = tmp_path / "composer.yml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        load_definition(path)
    except ComposerError as error:
        assert error.message
        assert error.hint


def test_the_schema_knows_every_key() -> None:
    schema = definition_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {field.name for field in fields(Definition)}
