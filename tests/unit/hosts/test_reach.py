"""What a site cannot reach is told apart on its own host: name, port, TLS, clock, or somebody else."""

from __future__ import annotations

import shutil
import socket
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from composer.system.probe import Identity
from tests.conftest import ROOT, run
from tests.unit.system.test_probe import Authority, listening, serving


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ours")


def reach(folder: Path, me: Identity, host: str, port: int, identity: str = "server1") -> str:
    startup = folder / "startup"
    startup.mkdir(exist_ok=True)
    for source, name in ((me.certificate, "client.crt"), (me.key, "client.key"), (me.root, "rootCA.pem")):
        shutil.copyfile(source, startup / name)
    program = [sys.executable, "-I", ROOT / "dockerfiles" / "reach.py"]
    ended = run([*program, host, str(port), "mtls", "client", identity, startup])
    assert ended.returncode == 0, ended.err
    return ended.out.partition(f"{host}:{port}: ")[2] if ended.out else ""


def test_all_is_well(authority: Authority, tmp_path: Path) -> None:
    with serving(authority.issue("server1")) as port:
        assert reach(tmp_path, authority.issue("site-1"), "127.0.0.1", port) == ""


def test_name(authority: Authority, tmp_path: Path) -> None:
    assert reach(tmp_path, authority.issue("site-1"), "nobody.invalid", 1) == "name: it does not resolve"


def test_port(authority: Authority, tmp_path: Path) -> None:
    with listening("127.0.0.1") as holder:
        port = holder.getsockname()[1]
    said = reach(tmp_path, authority.issue("site-1"), "127.0.0.1", port)
    assert said == "port: nobody listens on it at 127.0.0.1"


def test_another_authority(authority: Authority, tmp_path: Path) -> None:
    with serving(Authority(tmp_path / "theirs").issue("server1")) as port:
        said = reach(tmp_path, authority.issue("site-1"), "127.0.0.1", port)
    assert said.startswith("TLS: the certificate there does not verify (")


def test_another_identity(authority: Authority, tmp_path: Path) -> None:
    with serving(authority.issue("server2")) as port:
        said = reach(tmp_path, authority.issue("site-1"), "127.0.0.1", port)
    assert said == "TLS: answered by 'server2', not by 'server1'"


@pytest.mark.parametrize(("days", "said"), [(30, "not yet valid"), (-30, "expired")])
def test_clock(tmp_path: Path, days: int, said: str) -> None:
    authority = Authority(tmp_path / "ours", timedelta(days))
    with serving(authority.issue("server1")) as port:
        found = reach(tmp_path, authority.issue("site-1"), "127.0.0.1", port)
    assert found.startswith("clock: ")
    assert said in found


def test_somebody_who_does_not_speak_tls(authority: Authority, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        port = server.getsockname()[1]

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.sendall(b"HTTP/1.0 400 no\r\n\r\n")
            connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        said = reach(tmp_path, authority.issue("site-1"), "127.0.0.1", port)
    assert said.startswith("TLS: ")
