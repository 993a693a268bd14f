"""Bad input and a bad environment: one line of cause, one of what to do, the right exit code, nothing left."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from tests.conftest import Deployment, Ended, composer, docker, provision

pytestmark = pytest.mark.nvflare


def refuses(ended: Ended, cause: str, hint: str = "", code: int = 1) -> None:
    """Assert that composer said one line of cause and one of what to do, and nothing else."""
    assert ended.returncode == code, ended.err
    lines = [line for line in ended.err.splitlines() if not line.startswith("warning: ")]
    assert [line[:7] for line in lines] == ["error: ", " hint: "], ended.err
    assert cause in lines[0]
    assert hint in lines[1]
    assert ended.out == ""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "deployment"


def up(target: Path, *arguments: str | Path, **env: str) -> Ended:
    return composer("up", *arguments, "-C", target, cwd=target.parent, **env)


@pytest.mark.usefixtures("engine")
class TestWithAnEngine:
    pytestmark = pytest.mark.docker

    def test_no_kits_at_all(self, target: Path) -> None:
        refuses(up(target), "no kits were given", "composer up workspace/PROJECT/prod_00")
        assert not target.exists()

    def test_a_missing_kit(self, target: Path) -> None:
        refuses(up(target, target.parent / "prod_07"), "prod_07")
        assert not target.exists()

    def test_a_folder_that_is_no_kit(self, target: Path, tmp_path: Path) -> None:
        (tmp_path / "holiday").mkdir()
        refuses(up(target, tmp_path / "holiday"), "holiday")
        assert not target.exists()

    def test_two_servers(self, target: Path, prod_00: Path, tmp_path: Path) -> None:
        other = provision(tmp_path, "other", 19999)
        refuses(up(target, prod_00, other / "server1"), "server1")
        assert not target.exists()

    def test_a_participant_that_no_kit_has(self, target: Path, prod_00: Path, tmp_path: Path) -> None:
        definition = tmp_path / "composer.yml"
        definition.write_text(f"kits: {prod_00}\nparticipants:\n  site-9: {{shm_size: 1g}}\n")
        refuses(up(target), "site-9", "did you mean site-2?")
        assert not target.exists()

    def test_an_unknown_key(self, target: Path, prod_00: Path, tmp_path: Path) -> None:
        (tmp_path / "composer.yml").write_text(f"kits: {prod_00}\nimages: {{}}\n")
        refuses(up(target), f"{tmp_path}/composer.yml:2: unknown key images", "`composer schema`")
        assert not target.exists()

    @pytest.mark.fault(22)
    @pytest.mark.parametrize(("family", "address"), [("IPv4", "0.0.0.0"), ("IPv4", "127.0.0.1"), ("IPv6", "::")])
    def test_a_busy_port(
        self, target: Path, tmp_path: Path, prod_00: Path, definition: Path | None, family: str, address: str
    ) -> None:
        kind = socket.AF_INET6 if family == "IPv6" else socket.AF_INET
        with socket.socket(kind) as holder:
            if kind == socket.AF_INET6:
                holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            holder.bind((address, 0))
            holder.listen()
            port = holder.getsockname()[1]
            kits = provision(tmp_path, f"busy{port}", port)
            chosen = ["-f", str(definition)] if definition else []
            refuses(up(target, kits, *chosen), f"port {port} of server1 is taken on {family}", "ss -ltnp")
        assert docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project=busy{port}") == ""

    @pytest.mark.fault(23)
    def test_somebody_elses_containers(self, federation: Deployment, target: Path, definition: Path | None) -> None:
        chosen = ["-f", str(definition)] if definition else []
        ended = up(target, federation.kits, *chosen)
        refuses(ended, f"belongs to {federation.folder}", f"docker compose -p {federation.compose_project} down")
        assert federation.status()["healthy"]


@pytest.mark.fault(28)
def test_no_engine(target: Path, prod_00: Path, tmp_path: Path) -> None:
    absent = f"unix://{tmp_path}/none.sock"
    refuses(up(target, prod_00, DOCKER_HOST=absent), f"no Docker engine answers at {absent}", "start Docker")
    assert not target.exists()


@pytest.mark.fault(28)
def test_no_compose(target: Path, prod_00: Path, tmp_path: Path) -> None:
    # A docker command without plugins: an empty configuration, and no plugins where the system keeps them.
    found = shutil.which("docker")
    assert found
    folder = tmp_path / "bin"
    folder.mkdir()
    wrapper = folder / "docker"
    refusal = """{ echo "docker: 'compose' is not a docker command." >&2; exit 1; }"""
    wrapper.write_text(f'#!/bin/sh\n[ "$1" = compose ] && {refusal}\nexec {found} "$@"\n')
    wrapper.chmod(0o755)
    ended = up(target, prod_00, PATH=f"{folder}:{os.environ['PATH']}")
    refuses(ended, "Docker Compose v2 is not installed", "Compose plugin")
    assert not target.exists()


def test_no_docker_command(target: Path, prod_00: Path, tmp_path: Path) -> None:
    refuses(up(target, prod_00, PATH=str(tmp_path)), "there is no `docker` on this machine", "install docker")
    assert not target.exists()


@pytest.mark.parametrize("command", ["status", "logs", "down", "admin"])
def test_a_folder_that_is_no_deployment(command: str, tmp_path: Path) -> None:
    refuses(composer(command, "-C", tmp_path), f"{tmp_path} is not a deployment folder", "composer up KITS")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 2}', '{"format": 1, "participants": [{}]}'])
def test_a_damaged_manifest(content: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(content)
    refuses(composer("status", "-C", tmp_path), f"{tmp_path}/manifest.json is damaged", "--force")


def test_wrong_usage_exits_with_2() -> None:
    assert composer("up", "--no-such-option").returncode == 2
    assert composer("no-such-command").returncode == 2
