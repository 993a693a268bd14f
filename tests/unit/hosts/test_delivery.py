"""What is delivered to a host: by the real scripts, run by a shell here instead of one behind SSH."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, cast

import pytest

from composer.hosts.delivery import Found, look, private_keys, remove, send
from composer.hosts.ssh import Connection, HostError
from composer.model.errors import ComposerError
from composer.model.files import GeneratedFile
from tests.fakes.hosts import Shell

KEY = "kits/site-1/startup/client.key"
FILES = {
    KEY: GeneratedFile(PurePosixPath(KEY), b"secret", 0o600),
    "kits/site-1/startup/start.sh": GeneratedFile(PurePosixPath("kits/site-1/startup/start.sh"), b"#!/bin/sh", 0o700),
    "local/a b$c/é.json": GeneratedFile(PurePosixPath("local/a b$c/é.json"), b"{}", 0o600),
}
FOLDERS = ("workspaces/site-1/transfer",)


@pytest.fixture(params=["sh", "bash"])
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Connection:
    return cast(Connection, Shell(tmp_path / "srv" / "far", request.param))


def root(there: Connection) -> Path:
    return Path(there.host.path)


def deliver(there: Connection, files: dict[str, GeneratedFile] = FILES) -> int:
    return send(there, files, FOLDERS, look(there))


def contents(there: Connection) -> dict[str, bytes]:
    return {str(path.relative_to(root(there))): path.read_bytes() for path in root(there).rglob("*") if path.is_file()}


def test_what_is_delivered_is_for_the_user_alone(there: Connection) -> None:
    assert deliver(there) == 3
    found = contents(there)
    assert found.pop("SHA256SUMS")
    assert found == {path: file.content for path, file in FILES.items()}
    assert (root(there) / FOLDERS[0]).is_dir()
    for path in [root(there), *root(there).rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
    assert (root(there) / "kits/site-1/startup/start.sh").stat().st_mode & 0o777 == 0o700


def test_only_what_differs_is_sent_and_what_is_no_more_is_removed(there: Connection) -> None:
    deliver(there)
    (root(there) / "workspaces" / "site-1" / "log.txt").write_text("mine")
    assert deliver(there) == 0
    changed = {KEY: FILES[KEY], "kits/new": GeneratedFile(PurePosixPath("kits/new"), b"new", 0o600)}
    assert deliver(there, changed) == 1
    assert set(contents(there)) == {KEY, "kits/new", "workspaces/site-1/log.txt", "SHA256SUMS"}


def test_what_somebody_changed_there_is_told_from_what_changed_here(there: Connection) -> None:
    deliver(there)
    assert look(there).tampered == ()
    (root(there) / KEY).write_bytes(b"other")
    (root(there) / "local/a b$c/é.json").unlink()
    assert look(there).tampered == (KEY, "local/a b$c/é.json")
    assert deliver(there) == 2
    assert look(there).tampered == ()


def test_a_key_is_new_to_a_host_only_once(there: Connection) -> None:
    assert private_keys(FILES, look(there)) == (KEY,)
    deliver(there)
    assert private_keys(FILES, look(there)) == ()


@pytest.mark.parametrize(
    "spoil", [lambda data: data[: len(data) // 2], lambda data: data.replace(b"secret", b"secrex")]
)
def test_a_spoilt_archive_changes_nothing(there: Connection, spoil: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(there, {KEY: GeneratedFile(PurePosixPath(KEY), b"former", 0o600)})
    before = contents(there)
    whole = there.script
    monkeypatch.setattr(
        there, "script", lambda name, *args, stdin=b"", timeout=60.0: whole(name, *args, stdin=spoil(stdin))
    )
    found = look(there)
    with pytest.raises(HostError):
        send(there, FILES, FOLDERS, found)
    assert contents(there) == before
    assert not list(root(there).glob(".incoming*"))


def test_remove_takes_all_of_it_and_nothing_else(there: Connection) -> None:
    deliver(there)
    (root(there).parent / "neighbour").mkdir()
    there.script("remove", str(there.host.path))
    assert list(root(there).parent.iterdir()) == [root(there).parent / "neighbour"]
    there.script("remove", str(there.host.path))


def test_what_a_host_has_of_its_own_is_neither_deleted_nor_replaced(there: Connection) -> None:
    deliver(there)
    own = {"data/patients.csv": b"ours", "compose.override.yml": b"services: {}", "kits/site-1/notes": b"ours"}
    for path, content in own.items():
        (root(there) / path).parent.mkdir(exist_ok=True)
        (root(there) / path).write_bytes(content)
    (root(there) / "local/a b$c/é.json").write_bytes(b"edited there")
    deliver(there, {KEY: FILES[KEY]})
    assert {path: contents(there).get(path) for path in own} == own
    assert contents(there)["local/a b$c/é.json"] == b"edited there"
    assert "kits/site-1/startup/start.sh" not in contents(there)
    before = contents(there)
    mine = GeneratedFile(PurePosixPath("compose.override.yml"), b"other", 0o600)
    with pytest.raises(HostError, match=r"there is a compose\.override\.yml of that host's own"):
        deliver(there, {**FILES, "compose.override.yml": mine})
    assert contents(there) == before


def test_a_folder_with_other_things_gets_nothing(there: Connection) -> None:
    root(there).mkdir(parents=True)
    (root(there) / "compose.override.yml").write_text("services: {}")
    (root(there) / "data").mkdir()
    (root(there) / "data/patients.csv").write_text("theirs")
    before = contents(there)
    with pytest.raises(HostError, match="is not a folder that composer has made"):
        deliver(there)
    assert contents(there) == before
    (root(there) / "data/patients.csv").unlink()
    (root(there) / "data").rmdir()
    deliver(there)
    assert contents(there)["compose.override.yml"] == b"services: {}"


def test_what_another_deployment_has_delivered_is_not_replaced(there: Connection) -> None:
    def of(folder: str) -> dict[str, GeneratedFile]:
        identity = GeneratedFile(PurePosixPath(".deployment"), folder.encode(), 0o600)
        return {**FILES, ".deployment": identity}

    deliver(there, of("/home/ops/one"))
    before = contents(there)
    with pytest.raises(HostError, match="delivered by another deployment"):
        deliver(there, {**of("/home/ops/two"), KEY: replace(FILES[KEY], content=b"theirs")})
    assert contents(there) == before
    assert deliver(there, of("/home/ops/one")) == 0


def test_remove_leaves_what_the_host_has_of_its_own_and_what_links_point_to(there: Connection, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "client.key").write_text("theirs")
    deliver(there)
    (root(there) / "data").mkdir()
    (root(there) / "data/patients.csv").write_text("theirs")
    (root(there) / FOLDERS[0] / "away").symlink_to(precious)
    closed = root(there) / FOLDERS[0] / "closed"
    (closed / "in").mkdir(parents=True)
    closed.chmod(0)
    (root(there) / KEY).unlink()
    (root(there) / KEY).parent.joinpath("start.sh").unlink()
    (root(there) / KEY).parent.rmdir()
    (root(there) / KEY).parent.symlink_to(precious)
    heard: list[str] = []
    remove(there, heard.append)
    assert contents(there) == {"data/patients.csv": b"theirs"}
    assert any("data/patients.csv" in line for line in heard)
    assert (precious / "client.key").read_text() == "theirs"


def test_remove_refuses_what_composer_has_not_made(there: Connection) -> None:
    root(there).mkdir(parents=True)
    (root(there) / "thesis.tex").write_text("years of work")
    with pytest.raises(ComposerError, match="is not a folder that composer has made"):
        there.script("remove", str(there.host.path))
    assert (root(there) / "thesis.tex").exists()


def test_what_a_host_has_beside_it_is_not_read(there: Connection) -> None:
    deliver(there)
    own = root(there) / "data"
    own.mkdir()
    for folder in (own, root(there) / "kits/site-1"):
        (folder / "line\nfeed").write_text("x")
        (folder / "back\\slash").write_text("x")
    with (own / "images.bin").open("wb") as file:
        # Nothing that is hashed within a test.
        file.truncate(2**40)
    assert set(look(there, timeout=30).files) == set(FILES)


def test_a_look_says_who_listens_and_what_time_it_is(there: Connection) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        found = look(there)
        assert server.getsockname()[1] in found.listening
    assert isinstance(found, Found)
    assert abs(found.behind) < 5
