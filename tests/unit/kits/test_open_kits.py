"""A kit that opens its participant's own port to everybody is refused, before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from composer.kits.internal import fixed_port
from tests.authority import key
from tests.conftest import composer
from tests.kitmaker import Project, provision

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


@pytest.mark.parametrize(
    ("release", "resources", "said"),
    [
        ("2.9", {"host": "localhost", "connection_security": "clear"}, ""),
        ("2.9", {"host": "0.0.0.0", "port": PORT, "connection_security": "clear"}, f"opens port {PORT} to the network"),
        # As a kit it would be replaced by composer's socket; what a site writes itself is obeyed.
        ("2.6", {"host": "localhost"}, "opens a port to the network"),
        ("2.9", {"host": "0.0.0.0", "port": PORT, "connection_security": "mtls"}, ""),
    ],
)
def test_what_a_site_lays_over_its_kit_is_judged_as_the_kit_is(
    tmp_path: Path, release: str, resources: dict[str, Any], said: str
) -> None:
    prod = provision(tmp_path, Project(release)).prod
    own = tmp_path / "own/comm_config.json"
    own.parent.mkdir()
    own.write_text(json.dumps({"internal": {"scheme": "tcp", "resources": resources}}))
    (tmp_path / "composer.yml").write_text("participants: {site-1: {local: own}}")
    checked = composer("check", prod, "-f", tmp_path / "composer.yml", "--json", "--ignore", "SIG", cwd=tmp_path)
    found = [one for one in json.loads(checked.out)["findings"] if one["id"] == "LISTENER"]
    assert [one["kit"] for one in found] == (["site-1"] if said else [])
    assert all(said in one["message"] and str(own) in one["message"] for one in found)
    for command in ("generate", "build"):
        ended = composer(command, prod, "-C", tmp_path / "deployment", "--ignore", "SIG", "--dry-run", cwd=tmp_path)
        assert (said in ended.err) if said else ("LISTENER" not in ended.err)
    # Who has looked at it may have it.
    asked = ("--ignore", "SIG", "--ignore", "LISTENER")
    ended = composer("generate", prod, "-C", tmp_path / "deployment", *asked, cwd=tmp_path)
    assert ended.returncode == 0, ended.err


def test_an_overlay_that_closes_the_port_of_a_kit_is_what_counts(tmp_path: Path) -> None:
    prod = provision(tmp_path, Project("2.9")).prod
    clear = {"internal": {"scheme": "tcp", "resources": {"host": "0.0.0.0", "port": PORT}}}
    (prod / "site-1/local/comm_config.json").write_text(json.dumps(clear))
    (tmp_path / "own").mkdir()
    (tmp_path / "own/comm_config.json").write_text("{}")
    (tmp_path / "composer.yml").write_text("participants: {site-1: {local: own}}")
    assert composer("check", prod, cwd=tmp_path).returncode == 0


def _found(prod: Path, folder: Path) -> dict[str, str]:
    ended = composer("check", prod, "--json", cwd=folder)
    (found,) = json.loads(ended.out)["findings"]
    assert found["id"] == "LISTENER"
    assert ended.returncode == (3 if found["severity"] == "error" else 0)
    return dict(found)


def test_a_key_pair_of_a_server_makes_it_no_better(tmp_path: Path) -> None:
    """Who provisions kits can add one; a site does what is said at its port."""
    made = provision(tmp_path, Project("2.9"))
    site = made.kit("site-1")
    document = {"internal": {"scheme": "tcp", "resources": {"host": "lh", "connection_security": "clear"}}}
    (site / "local/comm_config.json").write_text(json.dumps(document))
    made.reissue(site, "server", key("lh"), names=("DNS:lh",))
    found = _found(made.prod, tmp_path)
    assert found["severity"] == "error"
    assert "reads its private key" in found["message"]
    assert "--ignore LISTENER" in found["fix"]


def test_a_relay_that_was_provisioned_to_listen_in_the_clear_is_a_warning(tmp_path: Path) -> None:
    made = provision(tmp_path, Project("2.9", relay="relay-1"))
    path = made.kit("relay-1") / "local/comm_config.json"
    document = json.loads(path.read_text())
    document["internal"]["resources"]["connection_security"] = "clear"
    path.write_text(json.dumps(document))
    found = _found(made.prod, tmp_path)
    assert found["severity"] == "warning"
    assert "pose as a site behind it" in found["message"]


@pytest.mark.parametrize("whose", ["the kit's", "the site's own"])
def test_up_names_the_ports_that_are_opened(tmp_path: Path, whose: str) -> None:
    prod = provision(tmp_path, Project("2.9")).prod
    resources = {"host": "lh", "port": PORT, "connection_security": "mtls"}
    document = {"internal": {"scheme": "tcp", "resources": resources}}
    (tmp_path / "own").mkdir()
    folder, more = (prod / "site-1/local", "") if whose == "the kit's" else (tmp_path / "own", "local: own")
    (folder / "comm_config.json").write_text(json.dumps(document))
    (tmp_path / "composer.yml").write_text(f"runtime: process\nparticipants: {{site-1: {{{more}}}}}")
    ended = composer("up", "--dry-run", prod, "-C", tmp_path / "deployment", cwd=tmp_path)
    assert f"site-1 opens port {PORT} to others, as its comm_config.json says" in ended.err
    assert "site-2 opens" not in ended.err
    assert "server1 opens" not in ended.err


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"internal": []}', b'{"internal": {"resources": {"port": true}}}', b"[" * 100_000]
    + [b'{"internal": {"resources": {"port": %s}}}' % port for port in (b"0", b"65536", b'"1"', b"1e3", b"null")],
)
def test_no_port_is_read_where_none_is_written(content: bytes) -> None:
    assert fixed_port(content) == 0
