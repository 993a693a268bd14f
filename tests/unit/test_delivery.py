"""What is delivered to a host: by the real scripts, run by a shell here instead of one behind SSH."""

from __future__ import annotations

import subprocess
from pathlib import Path, PurePosixPath
from typing import Any, cast

import pytest

from composer.errors import ComposerError
from composer.model import GeneratedFile, Host
from composer.remote.delivery import Found, look, private_keys, send
from composer.remote.ssh import Connection, HostError, explain
from tests.conftest import ROOT

KEY = "kits/site-1/startup/client.key"
FILES = {
    KEY: GeneratedFile(PurePosixPath(KEY), b"secret", 0o600),
    "kits/site-1/startup/start.sh": GeneratedFile(PurePosixPath("kits/site-1/startup/start.sh"), b"#!/bin/sh", 0o700),
    "local/a b$c/é.json": GeneratedFile(PurePosixPath("local/a b$c/é.json"), b"{}", 0o600),
}
FOLDERS = ("workspaces/site-1/transfer",)


class Shell:
    """Stands for a connection: runs the scripts here."""

    def __init__(self, root: Path, shell: str = "sh") -> None:
        self.host = Host("ward", "10.0.0.2", "ssh://ward", PurePosixPath(root))
        self._shell = shell

    def script(self, name: str, *arguments: str, stdin: bytes = b"", timeout: float = 60) -> str:
        path = ROOT / "dockerfiles" / "remote" / f"{name}.sh"
        done = subprocess.run(
            [self._shell, path, *arguments], input=stdin, capture_output=True, timeout=timeout, check=False
        )
        if done.returncode:
            raise explain(self.host, done.returncode, done.stderr.decode())
        return done.stdout.decode()


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


def test_remove_refuses_what_composer_has_not_made(there: Connection) -> None:
    root(there).mkdir(parents=True)
    (root(there) / "thesis.tex").write_text("years of work")
    with pytest.raises(ComposerError, match="is not a folder that composer has made"):
        there.script("remove", str(there.host.path))
    assert (root(there) / "thesis.tex").exists()


def test_a_look_says_who_listens_and_what_time_it_is(there: Connection) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        found = look(there)
        assert server.getsockname()[1] in found.listening
    assert isinstance(found, Found)
    assert abs(found.behind) < 5
