"""A kit that opens its participant's own port to everybody is refused, before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import composer
from tests.kitmaker import Project, key, provision

PORT = 9555


def _checked(tmp_path: Path, release: str, document: dict[str, Any]) -> tuple[int, str]:
    prod = provision(tmp_path, Project(release)).prod
    (prod / "site-1/local/comm_config.json").write_text(json.dumps(document))
    ended = composer("check", prod, "--json", "--ignore", "SIG", cwd=tmp_path)
    found = [one for one in json.loads(ended.out)["findings"] if one["id"] == "LISTENER"]
    return ended.returncode, "".join(one["message"] for one in found)


@pytest.mark.parametrize("section", ["internal", "adhoc"])
def test_a_kit_that_opens_its_site_to_the_network_is_an_error(tmp_path: Path, section: str) -> None:
    resources = {"host": "0.0.0.0", "port": PORT, "connection_security": "clear"}
    document = {section: {"scheme": "tcp", "resources": resources}, "allow_adhoc_conns": True}
    status, said = _checked(tmp_path, "2.9", document)
    assert status == 3
    assert f"opens port {PORT} to the network ({section})" in said


@pytest.mark.parametrize(
    ("release", "resources", "good"),
    [
        ("2.9", {"host": "localhost"}, True),
        ("2.9", {"host": "localhost", "listen_host": "0.0.0.0"}, False),
        ("2.8", {"host": "localhost"}, False),
        ("2.8", {"host": "localhost", "listen_host": "127.0.0.1"}, True),
        ("2.6", {"host": "localhost", "listen_host": "127.0.0.1"}, False),
        ("2.9", {"host": "site-1-lh", "connection_security": "mtls"}, True),
        ("2.9", {"host": "site-1-lh", "connection_security": "tls"}, False),
        ("2.5", {"host": "localhost", "connection_security": "mtls"}, False),
    ],
)
def test_on_loopback_or_with_certificates(tmp_path: Path, release: str, resources: dict[str, str], good: bool) -> None:
    document = {"internal": {"scheme": "tcp", "resources": {**resources, "port": PORT}}}
    status, said = _checked(tmp_path, release, document)
    assert (status == 0, said == "") == (good, good)


# As NVFLARE provisions sites behind a relay since 2.6.
DEFAULT = {"scheme": "tcp", "resources": {"host": "localhost", "connection_security": "clear"}}


def test_a_port_for_own_jobs_alone_is_replaced_by_a_socket(tmp_path: Path) -> None:
    document = {"allow_adhoc_conns": False, "backbone_conn_gen": 1, "internal": DEFAULT}
    assert _checked(tmp_path, "2.6", document) == (0, "")
    (kit,) = tmp_path.rglob("site-1/local")
    kept = {path.name: path.read_bytes() for path in kit.iterdir()}
    ended = composer("generate", kit.parent.parent, "-C", tmp_path / "deployment", "--ignore", "SIG", cwd=tmp_path)
    assert ended.returncode == 0, ended.err
    written = tmp_path / "deployment/local/site-1"
    assert json.loads((written / "comm_config.json").read_text()) == {
        "allow_adhoc_conns": False,
        "backbone_conn_gen": 1,
    }
    assert {path.name for path in written.iterdir()} == set(kept)
    assert {path.name: path.read_bytes() for path in kit.iterdir()} == kept
    assert not (tmp_path / "deployment/local/site-2").exists()


def test_a_sites_own_listener_is_obeyed(tmp_path: Path) -> None:
    prod = provision(tmp_path, Project("2.9")).prod
    (tmp_path / "own").mkdir()
    (tmp_path / "own/comm_config.json").write_text(json.dumps({"internal": DEFAULT}))
    (tmp_path / "composer.yml").write_text("participants: {site-1: {local: own}}")
    ended = composer("generate", prod, "-C", tmp_path / "deployment", cwd=tmp_path)
    assert ended.returncode == 0, ended.err
    assert "internal" in json.loads((tmp_path / "deployment/local/site-1/comm_config.json").read_text())


def test_a_listening_host_that_nvflare_provisioned_in_the_clear_is_a_warning(tmp_path: Path) -> None:
    made = provision(tmp_path, Project("2.9"))
    site = made.kit("site-1")
    resources = {"host": "site-1-lh", "connection_security": "clear"}
    document = {"internal": {"scheme": "tcp", "resources": resources}}
    (site / "local/comm_config.json").write_text(json.dumps(document))
    made.reissue(site, "server", key("lh"), names=("DNS:site-1-lh",))
    ended = composer("check", made.prod, "--json", cwd=tmp_path)
    (found,) = (one for one in json.loads(ended.out)["findings"] if one["id"] == "LISTENER")
    assert found["severity"] == "warning"
