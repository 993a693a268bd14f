"""The values of `environment` may be passwords: no file that has them can be read by others.

Those of `env_file` and of the caller's environment are in files of their own, and are not shown either.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import composer

pytestmark = pytest.mark.nvflare

SECRET = "hf_not4everybody"
OWN = f"participants: {{site-1: {{environment: {{HF_TOKEN: {SECRET}}}}}}}\n"
COMMON = f"image: {{environment: {{HF_TOKEN: {SECRET}}}}}\n"
HOSTS = """
hosts: {ward: {address: 192.0.2.7, endpoint: "ssh://ward@192.0.2.7", path: /srv/flare}}
participants: {site-1: {host: ward, environment: {HF_TOKEN: hf_not4everybody}}}
"""
DEFINITIONS = {
    "containers": OWN,
    "images": COMMON,
    "processes": f"runtime: process\n{OWN}",
    "environments": f"runtime: process\n{COMMON}",
    "hosts": HOSTS,
}


@pytest.fixture(params=DEFINITIONS)
def definition(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "composer.yml"
    path.write_text(DEFINITIONS[request.param])
    return path


def with_it(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and SECRET.encode() in path.read_bytes():
            yield path


def test_others_cannot_read_what_is_generated(prod_00: Path, definition: Path, tmp_path: Path) -> None:
    target = tmp_path / "deployment"
    chosen = (prod_00, "-f", definition, "-C", target)
    assert composer("generate", *chosen).returncode == 0
    found = list(with_it(target))
    assert found
    assert {path: path.stat().st_mode & 0o077 for path in found} == dict.fromkeys(found, 0)
    # One that an earlier composer has made gets the mode, too, and one that is put aside.
    for path in found:
        path.chmod(0o644)
    found[0].write_bytes(found[0].read_bytes() + b"# mine\n")
    assert composer("generate", *chosen, "--force").returncode == 0
    kept = found[0].with_name(found[0].name + ".orig")
    assert {path: path.stat().st_mode & 0o077 for path in [*found, kept]} == dict.fromkeys([*found, kept], 0)
    assert set(with_it(target)) == {*found, kept}
    assert "nothing changed" in composer("generate", *chosen).err


def test_others_cannot_read_what_is_packed(prod_00: Path, definition: Path, tmp_path: Path) -> None:
    chosen = ("-f", definition, "-C", tmp_path / "none", "-o", tmp_path)
    ended = composer("bundle", prod_00 / "site-1", *chosen, cwd=tmp_path)
    assert ended.returncode == 0, ended.err
    found = 0
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        for entry in archive:
            if entry.isfile() and SECRET.encode() in archive.extractfile(entry).read():  # type: ignore[union-attr]
                assert entry.mode & 0o077 == 0, entry.name
                found += 1
    assert found


FILE = "participants: {site-1: {env_file: ./site.env}}\n"
PRIVATE = {
    "containers": FILE,
    "caller": "participants: {site-1: {environment: {HF_TOKEN: '${HF_TOKEN}'}}}\n",
    "processes": f"runtime: process\n{FILE}",
    "hosts": HOSTS.replace("environment: {HF_TOKEN: hf_not4everybody}", "env_file: ./site.env"),
    "processes elsewhere": HOSTS.replace("environment: {HF_TOKEN: hf_not4everybody}", "env_file: ./site.env").replace(
        "path: /srv/flare", "path: /srv/flare, runtime: process"
    ),
}


@pytest.fixture(params=PRIVATE)
def private(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "caller":
        monkeypatch.setenv("HF_TOKEN", SECRET)
    (tmp_path / "site.env").write_text(f"HF_TOKEN={SECRET}\n")
    (tmp_path / "site.env").chmod(0o600)
    path = tmp_path / "composer.yml"
    path.write_text(PRIVATE[request.param])
    return path


def test_secrets_are_in_a_file_of_their_own_and_nowhere_shown(prod_00: Path, private: Path, tmp_path: Path) -> None:
    target = tmp_path / "deployment"
    chosen = (prod_00, "-f", private, "-C", target)
    first = [composer(*words, *chosen) for words in (("generate", "--dry-run", "-v"), ("diff",), ("generate", "-v"))]
    assert [one.returncode for one in first] == [0, 3, 0], first
    (found,) = with_it(target)
    assert (found.parent.name, found.stat().st_mode & 0o777) == ("private", 0o600)
    # Its hash would give a short password away.
    assert (target / "manifest.json").stat().st_mode & 0o777 == 0o600
    assert "nothing changed" in composer("generate", *chosen).err
    # Another value is another start.
    before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}
    (tmp_path / "site.env").write_text("HF_TOKEN=hf_another\n")
    second = [composer(*words, *chosen, HF_TOKEN="hf_another") for words in (("diff",), ("generate",))]
    assert [one.returncode for one in second] == [3, 0], second
    changed = {path.name for path, content in before.items() if path.read_bytes() != content}
    assert changed in (
        {"docker-compose.yml", "site-1.env", "manifest.json"},
        {"site-1.conf", "manifest.json"},
    )
    report = composer("report", "-C", target, "-o", tmp_path / "report.html", HF_TOKEN=SECRET)
    shown = "".join(one.out + one.err for one in (*first, *second, report))
    shown += (tmp_path / "report.html").read_text() if (tmp_path / "report.html").exists() else ""
    assert "HF_TOKEN" not in shown
    assert SECRET not in shown
    assert "hf_another" not in shown
    assert "values that are secret are not shown" in second[0].out


@pytest.mark.parametrize("runtime", ["docker", "process"])
def test_a_bundle_says_that_secrets_are_in_it(prod_00: Path, tmp_path: Path, runtime: str) -> None:
    (tmp_path / "site.env").write_text(f"HF_TOKEN={SECRET}\n")
    (tmp_path / "site.env").chmod(0o600)
    (tmp_path / "composer.yml").write_text(FILE)
    chosen = ("-f", tmp_path / "composer.yml", "-C", tmp_path / "none", "-o", tmp_path, "--runtime", runtime)
    ended = composer("bundle", prod_00 / "site-1", *chosen, cwd=tmp_path)
    assert ended.returncode == 0, ended.err
    assert "has secrets of site-1 (env_file) in plain text: --encrypt" in ended.err
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        holding = {
            entry.name.split("/", 1)[1]: entry.mode & 0o077
            for entry in archive
            if entry.isfile() and SECRET.encode() in archive.extractfile(entry).read()  # type: ignore[union-attr]
        }
    assert holding == dict.fromkeys(
        ["private/site-1.conf", *(["private/site-1.env"] if runtime == "docker" else [])], 0
    )
    assert SECRET not in json.dumps(ended.err)


def test_what_is_only_looked_at_needs_no_secret(prod_00: Path, tmp_path: Path) -> None:
    path = tmp_path / "composer.yml"
    path.write_text("participants: {site-1: {environment: {HF_TOKEN: '${NOT_SET_ANYWHERE}'}}}\n")
    assert composer("topology", prod_00, "-f", path, cwd=tmp_path).returncode == 0
    refused = composer("generate", prod_00, "-f", path, cwd=tmp_path)
    assert refused.returncode == 1
    assert "participants.site-1.environment.HF_TOKEN: ${NOT_SET_ANYWHERE} is not set" in refused.err
    assert not (tmp_path / "deployment").exists()
