"""The values of `environment` may be passwords: no file that has them can be read by others."""

from __future__ import annotations

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
