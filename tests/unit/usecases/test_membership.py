"""`add` and `remove`: who comes and who goes, while all others go on."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from composer.cli import membership as commands
from composer.model.errors import ComposerError
from composer.usecases.inputs import Inputs
from composer.usecases.membership import joined, parted
from composer.usecases.up import up
from tests.fakes.lifecycle import InMemory, Memory
from tests.kitmaker import Provisioned, provision, to_be_run


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory()
    monkeypatch.setattr("composer.usecases.up.lifecycle_of", lambda _, folder: InMemory(memory, folder))
    return memory


@pytest.fixture
def made(tmp_path: Path) -> Provisioned:
    return provision(tmp_path, to_be_run())


@pytest.fixture
def two(made: Provisioned, memory: Memory, tmp_path: Path) -> Inputs:
    """A federation of a server and site-1; site-2 has not joined yet."""
    chosen = Inputs((made.kit("server1"), made.kit("site-1")), None, tmp_path / "deployment")
    up(chosen)
    assert memory.running == {"server1", "site-1"}
    return chosen


def kits_of(inputs: Inputs) -> list[str]:
    """The kits that the deployment folder says it has."""
    return list(json.loads((inputs.deployment / "manifest.json").read_text())["kits"])


def added(inputs: Inputs, *kits: Path) -> Inputs:
    return Inputs(kits, None, inputs.deployment)


def test_a_site_joins_by_its_kit(two: Inputs, made: Provisioned, memory: Memory) -> None:
    joining = joined(added(two, made.kit("site-2")))
    assert joining.names == ("site-2",)
    up(joining.inputs)
    assert memory.running == {"server1", "site-1", "site-2"}
    assert kits_of(two) == [str(made.kit(name)) for name in ("server1", "site-1", "site-2")]


def test_who_is_there_keeps_its_kit_where_all_were_provisioned_anew(
    two: Inputs, made: Provisioned, tmp_path: Path
) -> None:
    anew = tmp_path / "workspace" / "prod_01"
    shutil.copytree(made.prod, anew)
    (anew / "site-1" / "local" / "privacy.json").write_text("{}")
    signature = anew / "site-1" / "startup" / "signature.json"
    signature.write_text('{"client.crt": "of another salt"}')
    joining = joined(added(two, anew))
    assert "site-2" in joining.names
    assert joining.inputs.kits[:2] == (made.kit("server1"), made.kit("site-1"))
    assert not {anew, anew / "site-1", anew / "server1"} & set(joining.inputs.kits)


def test_who_is_there_already_changes_nothing(two: Inputs, made: Provisioned) -> None:
    assert joined(added(two, made.kit("site-1"))).names == ()


@pytest.mark.parametrize("file", ["startup/client.crt", "startup/fed_client.json"])
def test_another_kit_of_a_name_that_is_there_is_refused(
    two: Inputs, made: Provisioned, tmp_path: Path, file: str
) -> None:
    anew = tmp_path / "workspace" / "prod_01"
    shutil.copytree(made.prod, anew)
    if file.endswith(".crt"):
        replace(made, prod=anew).reissue(anew / "site-1", "client")
    else:
        (anew / "site-1" / file).write_bytes((made.kit("site-1") / file).read_bytes() + b"\n")
    with pytest.raises(ComposerError, match="other kits") as caught:
        joined(added(two, anew / "site-1"))
    assert f"site-1 ({file})" in caught.value.message
    assert caught.value.hint.endswith(f"composer up {anew / 'site-1'}")


def test_a_site_joins_by_an_archive(two: Inputs, made: Provisioned, memory: Memory, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "site-2.zip", made.kit("site-2"))
    up(joined(added(two, archive)).inputs)
    assert "site-2" in memory.running
    assert kits_of(two)[-1] == str(archive)
    leaving = parted(two.deployment, ["site-2"], two)
    up(leaving.inputs, leaving=leaving.names)
    assert memory.running == {"server1", "site-1"}


def test_an_archive_that_holds_others_too_is_refused(two: Inputs, made: Provisioned, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "both.zip", made.kit("site-1"), made.kit("site-2"))
    with pytest.raises(ComposerError, match="holds kits of site-1 too"):
        joined(added(two, archive))


def test_a_site_leaves_and_the_others_go_on(made: Provisioned, memory: Memory, tmp_path: Path) -> None:
    whole = Inputs((made.prod,), None, tmp_path / "deployment")
    up(whole)
    (whole.deployment / "workspaces" / "site-2").mkdir(parents=True, exist_ok=True)
    leaving = parted(whole.deployment, ["site-2"], whole)
    up(leaving.inputs, leaving=leaving.names)
    assert memory.running == {"server1", "site-1"}
    assert str(made.prod) not in kits_of(whole)
    assert (whole.deployment / "workspaces" / "site-2").is_dir()


@pytest.mark.parametrize(
    ("says", "hint"),
    [
        (
            "participants: {site-2: {memory: 2g}}",
            "take participants.site-2 out of it, and again: composer remove site-2",
        ),
        ("kits: [prod_00]", "change them there, and: composer up"),
    ],
)
def test_what_composer_yml_says_of_who_leaves_comes_first(
    made: Provisioned, memory: Memory, tmp_path: Path, says: str, hint: str
) -> None:
    """It would bring them back, or refuse to go on without them, at the next `up`."""
    definition = tmp_path / "composer.yml"
    definition.write_text(f"{says}\n")
    whole = Inputs((made.prod,), definition, tmp_path / "deployment")
    up(whole)
    with pytest.raises(ComposerError) as caught:
        parted(whole.deployment, ["site-2"], Inputs((), None, whole.deployment))
    assert caught.value.hint == hint
    assert memory.running == {"server1", "site-1", "site-2"}


def test_a_relay_that_others_need_does_not_leave(memory: Memory, tmp_path: Path) -> None:
    made = provision(tmp_path, replace(to_be_run(), relay="relay-1"))
    whole = Inputs((made.prod,), None, tmp_path / "deployment")
    up(whole)
    with pytest.raises(ComposerError, match="site-1 connects to the federation through relay-1") as caught:
        parted(whole.deployment, ["relay-1"], whole)
    assert caught.value.hint.endswith("composer remove relay-1 site-1")
    leaving = parted(whole.deployment, ["relay-1", "site-1"], whole)
    up(leaving.inputs, leaving=leaving.names)
    assert memory.running == {"server1", "site-2"}


def test_nobody_else_is_ended_with_who_leaves(two: Inputs, made: Provisioned, memory: Memory) -> None:
    """Another composer may have brought in somebody meanwhile."""
    memory.running.add("site-2")
    with pytest.raises(ComposerError, match="site-2 runs in this deployment"):
        up(Inputs((made.kit("server1"),), None, two.deployment), leaving=("site-1",))
    assert memory.running == {"server1", "site-1", "site-2"}


def test_the_server_does_not_leave(two: Inputs) -> None:
    with pytest.raises(ComposerError, match="server1 is the server"):
        parted(two.deployment, ["server1"], two)


def test_a_name_that_is_not_there(two: Inputs) -> None:
    with pytest.raises(ComposerError, match="no participant is called sit-1") as caught:
        parted(two.deployment, ["sit-1"], two)
    assert "site-1" in caught.value.hint


def test_what_the_commands_say(two: Inputs, made: Provisioned, memory: Memory) -> None:
    folder = ["-C", str(two.deployment)]
    for words, expected in (
        (["add", str(made.kit("site-2")), "--dry-run"], "site-2"),
        (["add", str(made.kit("site-2"))], "joined: site-2"),
        (["add", str(made.kit("site-2"))], "nothing changed"),
        (["remove", "site-2"], "left: site-2"),
    ):
        ended = CliRunner().invoke(getattr(commands, words[0]), [*words[1:], *folder])
        assert ended.exit_code == 0, ended.output
        assert expected in ended.output
        assert ("site-2" in memory.running) is (words == ["add", str(made.kit("site-2"))])
    assert "NVFLARE revokes none" in ended.output


def zipped(archive: Path, *kits: Path) -> Path:
    with zipfile.ZipFile(archive, "w") as made:
        for kit in kits:
            for path in sorted(kit.rglob("*")):
                made.write(path, path.relative_to(kit.parent))
    return archive
