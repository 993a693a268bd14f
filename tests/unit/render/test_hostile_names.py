"""What is no name is refused in plain words, in whatever kit it stands."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given

from composer.kits import load_kits
from composer.model.errors import ComposerError
from composer.model.kinds import ParticipantType
from composer.model.names import fault_of_name, is_host_name, is_organization
from tests import kitmaker
from tests.conftest import Ended, composer
from tests.unit.render.hostile import ANY, KINDS, NO_DEADLINE

# --- the gate ---------------------------------------------------------------------------------------------


@given(ANY, KINDS)
def test_a_name_is_no_option_no_expression_and_more_than_nothing(name: str, kind: ParticipantType) -> None:
    if fault_of_name(name, kind):
        return
    assert name.isascii()
    assert name.isprintable()
    assert 0 < len(name) <= 253
    assert name[0].isalnum()
    # Which is also to say that no shell does anything with it.
    assert shlex.quote(name) == name


@given(ANY)
def test_an_organization_and_a_host_are_plain_words(name: str) -> None:
    if is_organization(name) or is_host_name(name):
        assert shlex.quote(name) == name
        assert name[0] != "-"


@pytest.mark.parametrize("name", ["site-1", "Site_1", "089", "1e3", "null", "a", "x" * 63])
def test_sites_that_only_look_odd_are_taken(name: str) -> None:
    assert fault_of_name(name, "client") == fault_of_name(name, "relay") == ""


@pytest.mark.parametrize("name", ["-rf", "_", "x" * 64, "site-1\n", "", "a.b", "é"])
def test_sites_that_are_refused(name: str) -> None:
    assert "letters, digits" in fault_of_name(name, "client")


@pytest.mark.parametrize("name", ["a@x.com|reboot", "-v@x.com", "..@..aa", "a@b", "a@x.com\n", "a b@x.com"])
def test_admins_that_are_refused(name: str) -> None:
    assert "e-mail" in fault_of_name(name, "admin")


@pytest.mark.parametrize(
    "name", ["0x7f.1", "1.2.3", "256.1.1.1", "a..b", "-a", "a\n", "a_.", "x" * 64, "a." * 127 + "b"]
)
def test_hosts_that_are_refused(name: str) -> None:
    assert "host name" in fault_of_name(name, "server")


# --- kits that hold such names ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> kitmaker.Provisioned:
    return kitmaker.provision(tmp_path_factory.mktemp("kits"), kitmaker.Project("2.9"))


@pytest.fixture
def renamed(made: kitmaker.Provisioned) -> Iterator[Any]:
    """Give the kit of site-1 a certificate of another name or organization, for as long as a test runs."""
    site = made.kit("site-1")
    before = (site / "startup/client.crt").read_bytes()

    def rename(name: str, organization: str = "nvidia") -> Path:
        made.reissue(site, "client", name=name, names=("DNS:x",), organization=organization)
        return site

    yield rename
    (site / "startup/client.crt").write_bytes(before)


# What a certificate can be made with at all: one to 64 bytes.
COMMON_NAMES = ANY.filter(lambda name: 0 < len(name.encode()) <= 64)


@NO_DEADLINE
@given(name=COMMON_NAMES, organization=COMMON_NAMES)
@example(name="site-1", organization="ward\n")
def test_a_kit_is_read_with_a_name_of_the_grammar_or_refused(
    renamed: Any, tmp_path: Path, name: str, organization: str
) -> None:
    site = renamed(name, organization)
    try:
        found = load_kits([site], tmp_path / "unpacked").kits[0]
    except ComposerError as error:
        assert fault_of_name(name, "client") or not is_organization(organization)
        assert error.message.isprintable()
        assert error.hint.isprintable()
        assert error.hint
    else:
        assert (found.name, found.organization) == (name, organization)
        assert fault_of_name(found.name, "client") == ""
        assert is_organization(found.organization)


def refused(ended: Ended, code: int) -> None:
    assert ended.returncode == code, ended.err
    assert [line[:7] for line in ended.err.splitlines()] == ["error: ", " hint: "], ended.err
    assert "is not a name that composer runs" in ended.err


@pytest.mark.parametrize("name", ["-rf", "$(touch canary)", "a\nb", "x" * 64])
def test_nothing_is_written_for_a_name_that_is_none(renamed: Any, tmp_path: Path, name: str) -> None:
    site = renamed(name)
    refused(composer("generate", site, cwd=tmp_path), 3)
    refused(composer("hosts", site, cwd=tmp_path), 1)
    ended = composer("check", site, cwd=tmp_path)
    assert ended.returncode == 3
    assert "KIT-NAME" in ended.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["a,*:8002", "a b:8002", "$(touch canary):8002", "-h:8002", "0x7f.1:8002", ":8002"])
def test_a_host_that_is_none_is_refused(made: kitmaker.Provisioned, tmp_path: Path, target: str) -> None:
    site = shutil.copytree(made.kit("site-2"), tmp_path / "site-2")
    document = json.loads((site / "startup/fed_client.json").read_text())
    document["servers"][0]["service"]["target"] = target
    kitmaker.write_json(site / "startup/fed_client.json", document)
    with pytest.raises(ComposerError, match=r"fed_client\.json: .*target is not of the form host:port"):
        load_kits([site], tmp_path / "unpacked")
