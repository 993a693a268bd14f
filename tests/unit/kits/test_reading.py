"""Kits of every release and form become the same noun."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from composer.kits import load_kits
from composer.kits.checks import CheckOptions, check_kits
from composer.kits.releases import NVFLARE_VERSIONS, RELEASES, conflict
from composer.model.errors import ComposerError
from composer.model.kit import Connection, Kit, Listener
from tests.authority import NOW, Authority, key
from tests.conftest import tree
from tests.kitmaker import RELEASES as ALL
from tests.kitmaker import Project, Provisioned, provision, write_json
from tests.unit.kits.conftest import Provision

NOWHERE = Path("/nonexistent")
SERVER = "nvflare.private.fed.app.server.server_train"
CLIENT = "nvflare.private.fed.app.client.client_train"


def load(*paths: Path) -> dict[str, Kit]:
    return {kit.name: kit for kit in load_kits(paths, NOWHERE).kits}


@pytest.mark.parametrize("release", ALL)
def test_every_release_reads_the_same(provisioned: Provision, release: str) -> None:
    made = provisioned(Project(release))
    before = tree(made.prod)
    project = load_kits([made.prod], NOWHERE)
    assert tree(made.prod) == before
    assert project.name == "fedx"
    server, one, two, admin = project.kits
    assert [kit.name for kit in project.kits] == ["server1", "site-1", "site-2", "admin@nvidia.com"]
    assert [kit.type for kit in project.kits] == ["server", "client", "client", "admin"]
    assert {kit.release for kit in project.kits} == {release}
    assert {kit.organization for kit in project.kits} == {"nvidia"}
    assert {kit.connection_security for kit in project.kits} == {"mtls"}
    assert len({kit.root_fingerprint for kit in project.kits}) == 1
    new, admin_port = release >= "2.7", 8002 if release >= "2.8" else 8003
    identity = "server1" if release >= "2.6" else ""
    assert server.scheme == one.scheme == ("http" if new else "grpc")
    assert admin.scheme == ("http" if new else "tcp")
    assert server.listens_on == tuple(Listener("server1", port) for port in sorted({8002, admin_port}))
    assert one.connects_to == two.connects_to == (Connection(identity, "server1", 8002),)
    assert admin.connects_to == (Connection("server1" if new else "", "server1", admin_port),)
    assert (server.server_identity, one.server_identity) == ("server1", identity)
    assert admin.launch is None
    assert server.launch is not None
    assert one.launch is not None
    assert (server.launch.module, server.launch.config) == (SERVER, "fed_server.json")
    assert server.launch.settings == ("secure_train=true", "org=nvidia", "config_folder=config")
    assert (one.launch.module, one.launch.config) == (CLIENT, "fed_client.json")
    assert one.launch.settings == ("secure_train=true", "uid=site-1", "org=nvidia", "config_folder=config")
    assert one.owner.uid == os.geteuid()
    assert one.path == made.kit("site-1")


@pytest.mark.parametrize("release", ["2.6", "2.7", "2.8", "2.9"])
def test_relays_come_before_those_behind_them(provisioned: Provision, release: str) -> None:
    made = provisioned(Project(release, relay="relay-1"))
    # A second relay whose name sorts first, behind the first one.
    other = made.prod / "a-relay"
    shutil.copytree(made.kit("relay-1"), other)
    made.reissue(other, "client", names=None, private=key("a-relay"))
    document = json.loads((other / "startup/fed_relay.json").read_text())
    document["identity"] = "a-relay"
    document["connect_to"].update(identity="relay-1", address="relay-1:18102")
    write_json(other / "startup/fed_relay.json", document)
    kits = load_kits([made.prod], NOWHERE).kits
    assert [kit.name for kit in kits][:4] == ["server1", "relay-1", "a-relay", "site-1"]
    relay, site = kits[1], kits[3]
    assert relay.type == "relay"
    assert relay.connection_security == "mtls"
    assert relay.connects_to == (Connection("server1", "server1", 8002),)
    assert relay.listens_on == (Listener("relay-1", 18102),)
    assert site.connects_to == (Connection("relay-1", "relay-1", 18102), Connection("server1", "server1", 8002))


def test_relays_that_name_each_other_end(provisioned: Provision) -> None:
    made = provisioned(Project("2.9", relay="relay-1"))
    path = made.kit("relay-1") / "startup/fed_relay.json"
    document = json.loads(path.read_text())
    document["connect_to"]["identity"] = "relay-1"
    write_json(path, document)
    assert "relay-1" in load(made.prod)


def test_hierarchical_client(provisioned: Provision) -> None:
    made = provisioned(Project("2.9"))
    path = made.kit("site-2") / "startup/fed_client.json"
    document = json.loads(path.read_text())
    document["client"]["fqsn"] = "site-1.site-2"
    write_json(path, document)
    assert set(load(made.prod)) == {"server1", "site-1", "site-2", "admin@nvidia.com"}
    assert check_kits([made.prod], NOWHERE, CheckOptions(NOW)).findings == ()


def test_certificates_of_another_name_than_the_participant(provisioned: Provision) -> None:
    """Since 2.9 a site may bring a certificate of its own: ``auth_identity`` says whose."""
    made = provisioned(Project("2.9", relay="relay-1"))
    site, relay = made.kit("site-1"), made.kit("relay-1")
    made.reissue(site, "client", name="ward-7", names=("DNS:x",))
    made.reissue(relay, "client", name="gate", names=("DNS:x",))
    for path, below in ((site / "startup/fed_client.json", "client"), (relay / "startup/fed_relay.json", "")):
        document = json.loads(path.read_text())
        (document[below] if below else document)["auth_identity"] = "ward-7" if below else "gate"
        write_json(path, document)
    resources = json.loads((site / "local/relay__resources.json").read_text())
    resources["relay_config"]["auth_identity"] = "gate"
    write_json(site / "local/relay__resources.json", resources)
    kits = load(made.prod)
    assert kits["ward-7"].connects_to[0] == Connection("gate", "relay-1", 18102)
    assert check_kits([made.prod], NOWHERE, CheckOptions(NOW)).findings == ()


@pytest.mark.parametrize("port", [None, 18200])
def test_listening_host(provisioned: Provision, port: int | None) -> None:
    made = provisioned(Project("2.9"))
    kit = made.kit("site-1")
    resources = {"host": "site-1-lh", "connection_security": "mtls"} | ({"port": port} if port else {})
    write_json(kit / "local/comm_config.json", {"internal": {"scheme": "tcp", "resources": resources}})
    made.reissue(kit, "server", key("lh"), names=("DNS:site-1-lh",))
    read = load(made.prod)["site-1"]
    assert read.type == "client"
    assert read.listens_on == (Listener("site-1-lh", port or 0),)
    assert check_kits([made.prod], NOWHERE, CheckOptions(NOW)).findings == ()


def test_empty_settings_of_nvflare_package(provisioned: Provision) -> None:
    made = provisioned(Project("2.9"))
    script = made.kit("site-1") / "startup/sub_start.sh"
    script.write_text(script.read_text().replace("config_folder=config", "config_folder="))
    launch = load(made.prod)["site-1"].launch
    assert launch is not None
    assert launch.settings == ("secure_train=true", "uid=site-1", "org=nvidia", "config_folder=")


@pytest.mark.parametrize("release", ["2.4", "2.8"])
def test_an_admin_alone_may_be_of_two_releases(provisioned: Provision, release: str) -> None:
    made = provisioned(Project(release))
    newest = {"2.4": "2.5", "2.8": "2.9"}[release]
    assert load(made.kit("admin@nvidia.com"))["admin@nvidia.com"].release == newest
    assert load(made.prod)["admin@nvidia.com"].release == release


def test_kits_may_lie_anywhere_and_be_given_in_any_order(provisioned: Provision, tmp_path: Path) -> None:
    made = provisioned(Project("2.9"))
    moved = shutil.move(made.kit("site-2"), tmp_path / "what ever")
    read = load(Path(moved), made.server, made.kit("site-1"), made.server)
    assert list(read) == ["server1", "site-1", "site-2"]


def test_what_else_lies_beside_kits_does_not_matter(provisioned: Provision) -> None:
    made = provisioned(Project("2.5"))
    (made.prod / "compose.yaml").write_text("")
    (made.prod / "nvflare_compose").mkdir()
    overseer = made.prod / "overseer" / "startup"
    overseer.mkdir(parents=True)
    (overseer / "privilege.yml").write_text("")
    assert len(load(made.prod)) == 4


class TestRefused:
    """One line of cause and one of what to do."""

    def refused(self, *paths: Path) -> ComposerError:
        with pytest.raises(ComposerError) as caught:
            load_kits(paths, NOWHERE)
        error = caught.value
        assert error.exit_code == 1
        assert error.hint
        assert "\n" not in error.message + error.hint
        return error

    def test_nothing(self) -> None:
        assert "no kits" in self.refused().message

    def test_a_path_that_does_not_exist(self, tmp_path: Path) -> None:
        assert "does not exist" in self.refused(tmp_path / "none").message

    def test_a_path_that_cannot_exist(self) -> None:
        assert self.refused(Path("a\0b")).message

    def test_a_path_that_goes_round(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to(tmp_path / "a")
        assert self.refused(tmp_path / "a").message

    def test_a_folder_that_is_no_kit(self, tmp_path: Path) -> None:
        assert "startup/" in self.refused(tmp_path).message

    def test_a_file_that_is_no_archive(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_text("x")
        assert "neither a folder nor an archive" in self.refused(tmp_path / "x").message

    def test_the_folder_of_a_project(self, provisioned: Provision) -> None:
        assert "prod_00" in self.refused(provisioned(Project("2.9")).prod.parent).hint

    def test_an_empty_kit(self, tmp_path: Path) -> None:
        (tmp_path / "startup").mkdir()
        assert "fed_server.json" in self.refused(tmp_path).message

    def test_an_overseer(self, tmp_path: Path) -> None:
        (tmp_path / "startup").mkdir()
        (tmp_path / "startup/privilege.yml").write_text("")
        assert "overseer" in self.refused(tmp_path).message

    def test_two_servers(self, provisioned: Provision, tmp_path: Path) -> None:
        other = provision(tmp_path / "other", Project("2.9"))
        assert "two servers" in self.refused(provisioned(Project("2.9")).prod, other.server).message

    def test_a_name_twice(self, provisioned: Provision, tmp_path: Path) -> None:
        made = provisioned(Project("2.9"))
        shutil.copytree(made.kit("site-1"), tmp_path / "again")
        assert "two kits of site-1" in self.refused(made.prod, tmp_path / "again").message

    def test_two_projects(self, provisioned: Provision, tmp_path: Path) -> None:
        other = provision(tmp_path / "other", Project("2.9", name="fedz", clients=("site-3",)))
        assert "two projects" in self.refused(provisioned(Project("2.9")).prod, other.kit("site-3")).message

    def test_two_authorities(self, provisioned: Provision, tmp_path: Path) -> None:
        made: Provisioned = provisioned(Project("2.9"))
        namesake = Authority("fedx", made.authority.begins, "namesake")
        other = provision(tmp_path / "other", Project("2.9", clients=("site-3",), authority=namesake))
        assert "two authorities" in self.refused(made.prod, other.kit("site-3")).message

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
    @pytest.mark.parametrize("closed", ["startup/client.key", "startup"])
    def test_a_kit_that_this_user_may_not_read(self, provisioned: Provision, closed: str) -> None:
        made = provisioned(Project("2.9"))
        (made.kit("site-1") / closed).chmod(0o700)
        for folder in made.prod.parents:
            if folder.owner() == "root" and folder.stat().st_mode & 0o005 != 0o005:
                folder.chmod(0o755)
        os.seteuid(65534)
        try:
            report = check_kits([made.kit("site-1")], NOWHERE, CheckOptions(NOW))
            error = self.refused(made.kit("site-1")) if closed == "startup" else None
        finally:
            os.seteuid(0)
        assert {finding.id for finding in report.findings} == {"MODE"}
        assert error is None or "cannot be read" in error.message


def test_a_used_kit_with_thousands_of_jobs(provisioned: Provision) -> None:
    made = provisioned(Project("2.7"))
    for number in range(6000):
        (made.kit("site-1") / f"job-{number}").mkdir()
    (made.kit("site-1") / "log.txt").write_text("x" * 100_000)
    (made.kit("site-1") / "local/resources.json").write_bytes(b"{}\r\n")
    assert check_kits([made.prod], NOWHERE, CheckOptions(NOW)).findings == ()


def test_releases_name_the_newest_patch() -> None:
    assert tuple(RELEASES) == ALL
    for name, version in NVFLARE_VERSIONS.items():
        assert version.startswith(name + ".")
    assert RELEASES["2.4"].runs_on((3, 10))
    assert not RELEASES["2.4"].runs_on((3, 11))
    assert not RELEASES["2.7"].runs_on((3, 13))
    assert RELEASES["2.9"].runs_on((3, 14))


@pytest.mark.parametrize(
    ("kit", "nvflare", "fits"),
    [
        ("2.9", "2.9.0", True),
        ("2.8", "2.9.0", True),
        ("2.9", "2.8.3", True),
        ("2.4", "2.6.3", True),
        ("2.7", "2.9.0", False),
        ("2.9", "2.7.3", False),
        ("2.6", "2.7.3", False),
        ("2.9", "3.0.0", True),
        ("2.7", "3.0.0", False),
        ("2.9", "nonsense", False),
    ],
)
def test_generations_that_cannot_work_together(kit: str, nvflare: str, fits: bool) -> None:
    assert (conflict(kit, nvflare) == "") is fits
