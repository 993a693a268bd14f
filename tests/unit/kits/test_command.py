"""``composer check`` as a user runs it, and before what would run the kits."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml

from tests.authority import key, pem_of_key
from tests.conftest import composer
from tests.kitmaker import Project, provision
from tests.unit.kits.archives import encrypted, files_of, zipped

PROJECT = Project("2.9", begins=datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=1))


@pytest.fixture
def prod(tmp_path: Path) -> Path:
    return provision(tmp_path, PROJECT).prod


def test_good_kits(prod: Path, tmp_path: Path) -> None:
    ended = composer("check", prod, cwd=tmp_path)
    assert (ended.returncode, ended.err) == (0, "")
    assert "site-1" in ended.out
    assert "358" in ended.out
    assert "4 kits, no errors, no warnings" in ended.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["prod_00"]


def test_what_is_signed_is_told(prod: Path, tmp_path: Path) -> None:
    older = provision(tmp_path / "2.7", Project("2.7", begins=PROJECT.begins)).prod
    assert "signed: nothing; NVFLARE 2.8 and newer sign only" in composer("check", prod, cwd=tmp_path).out
    assert "signed: startup/ and local/ in 4 of 4 kits; NVFLARE itself" in composer("check", older, cwd=tmp_path).out


def test_a_folder_that_is_no_kit_is_named(prod: Path, tmp_path: Path) -> None:
    (prod / "site-3" / "local").mkdir(parents=True)
    ended = composer("check", prod, cwd=tmp_path)
    assert ended.returncode == 0
    assert "[WARNING KIT-ROLE] site-3: this folder beside the kits has no startup/" in ended.out
    generated = composer("generate", prod, cwd=tmp_path)
    assert generated.returncode == 0
    assert "warning: site-3: this folder beside the kits has no startup/" in generated.err


def test_json(prod: Path, tmp_path: Path) -> None:
    (prod / "site-1/startup/client.key").chmod(0o644)
    ended = composer("check", prod, "--json", cwd=tmp_path)
    assert ended.returncode == 3
    document = json.loads(ended.out)
    assert document["ok"] is False
    assert [kit["name"] for kit in document["kits"]] == ["admin@nvidia.com", "server1", "site-1", "site-2"]
    for kit in document["kits"]:
        assert {"path", "name", "type", "release", "project", "certificate_not_after", "root_fingerprint"} <= set(kit)
        assert datetime.fromisoformat(kit["certificate_not_after"].replace("Z", "+00:00")) > PROJECT.begins
        assert (kit["release"], kit["project"]) == ("2.9", "fedx")
    assert [set(finding) for finding in document["findings"]] == [{"id", "severity", "kit", "message", "fix"}]
    assert document["findings"][0]["id"] == "MODE"


def test_bad_kits_end_with_3_unless_ignored(prod: Path, tmp_path: Path) -> None:
    (prod / "site-1/startup/client.key").chmod(0o644)
    ended = composer("check", prod, cwd=tmp_path)
    assert ended.returncode == 3
    assert "[ERROR MODE] site-1: " in ended.out
    assert composer("check", prod, "--ignore", "MODE", cwd=tmp_path).returncode == 0
    assert composer("check", prod, "--ignore", "NONE", cwd=tmp_path).returncode == 1


def test_options(prod: Path, tmp_path: Path) -> None:
    assert composer("check", prod, "--root-fingerprint", "00" * 32, cwd=tmp_path).returncode == 3
    warned = composer("check", prod, "--warn-days", "400", cwd=tmp_path)
    assert warned.returncode == 0
    assert "[WARNING VALID]" in warned.out


def test_no_kit(tmp_path: Path) -> None:
    for arguments in ([tmp_path], [tmp_path / "none"], []):
        ended = composer("check", *arguments, cwd=tmp_path)
        assert ended.returncode == 1
        assert ended.err.startswith("error: ")
        assert " hint: " in ended.err
        assert "Traceback" not in ended.err


def test_pins(prod: Path, tmp_path: Path) -> None:
    archive, pin = tmp_path / "site-1.zip", tmp_path / "pin"
    archive.write_bytes(encrypted(files_of(prod / "site-1"), "s3cret"))
    pin.write_text("s3cret\n")
    assert composer("check", archive, cwd=tmp_path).returncode == 1
    assert composer("check", archive, cwd=tmp_path, COMPOSER_PIN="wrong").returncode == 1
    assert composer("check", archive, cwd=tmp_path, COMPOSER_PIN="s3cret").returncode == 0
    ended = composer("check", archive, "--pin-file", pin, cwd=tmp_path)
    assert ended.returncode == 0
    assert "s3cret" not in ended.out + ended.err


@pytest.mark.parametrize("command", ["up", "build"])
def test_bad_kits_do_not_get_to_run(command: str, prod: Path, tmp_path: Path) -> None:
    (prod / "site-1/startup/client.key").write_bytes((prod / "site-2/startup/client.key").read_bytes())
    (prod / "site-1/startup/client.key").chmod(0o600)
    ended = composer(command, prod, cwd=tmp_path, DOCKER_HOST="unix:///nonexistent")
    assert ended.returncode == 3
    assert "site-1: startup/client.key is not the key of startup/client.crt" in ended.err
    assert "composer check" in ended.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["prod_00"]


@pytest.mark.parametrize("command", ["up", "build"])
def test_what_is_ignored_does_not_stop_them(command: str, prod: Path, tmp_path: Path) -> None:
    (prod / "site-1/startup/client.key").chmod(0o644)
    absent = {"DOCKER_HOST": "unix:///nonexistent"}
    assert composer(command, prod, cwd=tmp_path, **absent).returncode == 3
    ended = composer(command, prod, "--ignore", "MODE", cwd=tmp_path, **absent)
    assert ended.returncode == 1
    assert "MODE" not in ended.err
    assert "ocker" in ended.err


@pytest.mark.parametrize(
    ("harm", "code", "told"),
    [
        ("twice", 3, "{prod}/site-1 is a kit of site-1 too"),
        ("a stranger", 1, "composer.yml names site-9"),
    ],
)
def test_archives_of_what_is_refused_leave_nothing(harm: str, code: int, told: str, prod: Path, tmp_path: Path) -> None:
    archive = tmp_path / "site-1.zip"
    archive.write_bytes(zipped(files_of(prod / "site-1")))
    definition = tmp_path / "definition.yml"
    definition.write_text("participants: {site-9: {}}\n" if harm == "a stranger" else "{}\n")
    kits = [archive] if harm == "a stranger" else [prod, archive]
    before = sorted(tmp_path.rglob("*"))
    ended = composer("generate", *kits, "-f", definition, cwd=tmp_path)
    assert ended.returncode == code
    assert told.format(prod=prod, archive=archive) in ended.err
    assert sorted(tmp_path.rglob("*")) == before


def test_asking_for_the_hosts_of_an_archive_writes_nothing(prod: Path, tmp_path: Path) -> None:
    archive = tmp_path / "server1.zip"
    archive.write_bytes(zipped(files_of(prod / "server1")))
    before = sorted(tmp_path.rglob("*"))
    assert composer("hosts", archive, cwd=tmp_path).out == "127.0.0.1 server1\n"
    assert sorted(tmp_path.rglob("*")) == before


def test_no_key_material_in_any_output(prod: Path, tmp_path: Path) -> None:

    (prod / "site-1/startup/client.key").write_bytes(pem_of_key(key("else")))
    said = "".join(
        ended.out + ended.err
        for ended in (composer("check", prod, *more, cwd=tmp_path) for more in ([], ["--json"], ["-v"]))
    )
    for path in prod.rglob("*.key"):
        assert not [line for line in path.read_text().splitlines() if line in said]


@pytest.mark.parametrize("owner", [0, 65534])
def test_what_root_unpacks_runs_as_the_owner_of_the_archive(owner: int, prod: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs participants as somebody else")
    archive = tmp_path / "kits.zip"
    archive.write_bytes(zipped(files_of(prod)))
    os.chown(archive, owner, owner)
    deployment = tmp_path / "deployment"
    for _ in range(2):
        ended = composer("generate", archive, "-C", deployment)
        assert ended.returncode == 0, ended.err
        assert ("run as root" in ended.err) == (owner == 0)
    services = yaml.safe_load((deployment / "docker-compose.yml").read_text())["services"]
    assert services["site-1"]["user"] == f"{owner}:{owner}"
    (kit,) = (deployment / "kits").glob("site-1-*")
    assert {path.stat().st_uid for path in (kit, *kit.rglob("*"))} == {owner}
    assert (kit / "startup/client.key").stat().st_mode & 0o777 == 0o600
