"""What a machine is like: read-only, a bare environment, other bytes, odd paths, an old engine, no locks."""

from __future__ import annotations

import json
import os
import shutil
import socketserver
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from tests.conftest import COMPOSER, composer, missing, run, tree
from tests.docker.faults.stack import containers, healthy, refused, sh, stack, tmpfs

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]


@pytest.mark.fault(28)
def test_a_read_only_file_system(prod_00: Path, tmp_path: Path, engine: None) -> None:
    with tmpfs(tmp_path / "disk", "1m"):
        sh("mount", "-o", "remount,ro", tmp_path / "disk")
        for command in ("generate", "up"):
            refused(composer(command, prod_00, "-C", tmp_path / "disk" / "deployment"), "Read-only file system")


@pytest.mark.fault(28)
@pytest.mark.parametrize("variable", ["HOME", "LANG", "TERM", "TMPDIR"])
def test_a_bare_environment(prod_00: Path, tmp_path: Path, engine: None, variable: str) -> None:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "DOCKER_HOST", "DOCKER_CONFIG")}
    target = tmp_path / "deployment"
    argv = ["env", "-i", *(f"{name}={value}" for name, value in kept.items()), "LC_ALL=C"]
    if variable != "HOME":
        argv.append(f"{variable}=/nonexistent")
    ended = run([*argv, *COMPOSER, "generate", prod_00, "-C", target])
    assert ended.returncode == 0, ended.err
    assert run([*argv, *COMPOSER, "status", "-C", target]).returncode == 3


@pytest.mark.fault(28)
@pytest.mark.parametrize("api", ["1.18", "1.40"])
def test_an_engine_that_is_too_old(prod_00: Path, tmp_path: Path, api: str) -> None:
    with old_engine(api) as place:
        ended = composer("up", prod_00, "-C", tmp_path / "deployment", DOCKER_HOST=f"unix://{place}")
    refused(ended, f"the Docker engine at unix://{place} is too old (API ")
    assert "Docker 20.10 or newer" in ended.err
    assert not (tmp_path / "deployment").exists()


@contextmanager
def old_engine(api: str) -> Iterator[Path]:
    """Answer every request as an engine of long ago answers for its version."""
    answer = json.dumps({"Version": "old", "ApiVersion": api, "MinAPIVersion": "1.12"}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n".encode()

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                if line == b"\r\n":
                    self.wfile.write(head + answer)

    # Short: a socket's path may have 107 characters.
    place = Path(tempfile.mkdtemp(prefix="old-", dir="/tmp")) / "docker.sock"
    with socketserver.ThreadingUnixStreamServer(str(place), Answer) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield place
        finally:
            server.shutdown()
            shutil.rmtree(place.parent)


@pytest.mark.fault(28)
@pytest.mark.parametrize("locale", ["ASCII", "ISO-8859-1"])
def test_a_locale_of_other_bytes(
    prod_00: Path, tmp_path: Path, engine: None, locale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "Bücher"
    shutil.copytree(prod_00, folder / "kits")
    assert composer("generate", folder / "kits", "-C", folder / "deployment").returncode == 0
    expected = tree(folder / "deployment")
    if locale == "ASCII":
        # Else Python takes another locale by itself (PEP 538, PEP 540).
        chosen = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    else:
        sh("localedef", "-i", "en_US", "-f", locale, tmp_path / f"en_US.{locale}")
        chosen = {"LC_ALL": f"en_US.{locale}", "LOCPATH": str(tmp_path)}
    seen = run([sys.executable, "-c", "import sys; print(sys.getfilesystemencoding())"], env=chosen).out.strip()
    assert seen == {"ASCII": "ascii", "ISO-8859-1": "iso8859-1"}[locale]
    shutil.rmtree(folder / "deployment")
    assert composer("generate", folder / "kits", "-C", folder / "deployment", **chosen).returncode == 0
    assert tree(folder / "deployment") == expected
    assert composer("check", folder / "kits", **chosen).returncode == 0
    assert composer("status", "-C", folder / "deployment", **chosen).returncode == 3


@pytest.mark.fault(28)
def test_a_name_that_is_not_utf8(prod_00: Path, tmp_path: Path) -> None:
    named = Path(os.fsdecode(os.fsencode(tmp_path) + b"/B\xfccher"))
    refused(composer("generate", prod_00, "-C", named), "B\\udcfccher is not UTF-8")
    assert not named.exists()


@pytest.mark.fault(28)
def test_a_file_system_without_locks(prod_00: Path, tmp_path: Path) -> None:
    if not shutil.which("strace"):
        missing("there is no strace here")
    target = tmp_path / "deployment"
    tracer = ["strace", "-f", "-qq", "-o", tmp_path / "trace", "-e", "inject=flock:error=ENOLCK"]
    refused(run([*tracer, *COMPOSER, "generate", prod_00, "-C", target]), "nothing can be locked in")
    assert not target.exists()


@pytest.mark.fault(28)
def test_a_path_with_everything_that_a_shell_or_yaml_minds(
    engine: None, definition: Path | None, tmp_path: Path
) -> None:
    folder = tmp_path / "a, b's \"c\"\n$HOME ${X} d:e #f 'ü"
    folder.mkdir()
    if definition:
        authorities = "/etc/ssl/certs/ca-certificates.crt"
        shutil.copy(authorities, folder / "ca.pem")
        chosen = folder / "composer.yml"
        chosen.write_text(definition.read_text().replace(authorities, "ca.pem"))
        definition = chosen
    with stack(folder, definition) as deployment:
        assert healthy(deployment)
        assert deployment.up().returncode == 0
        assert deployment.run("logs", "-n", "1").returncode == 0
        assert deployment.run("down").returncode == 0
        assert containers(deployment) == {}
