"""Hosts that composer.yml has no more are kept in mind until somebody has been there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from composer.deployment.manifest import Manifest, dump_manifest, parse_manifest
from composer.deployment.recorded import read_manifest, record
from composer.model.host import Host
from tests.conftest import composer

HUB = Host("hub", "10.77.0.2", "ssh://ops@10.77.0.2", PurePosixPath("/srv/flare/example"))
WARD = Host("ward-a", "10.77.0.3", "ssh://ops@10.77.0.3", PurePosixPath("/srv/flare/example"))
EMPTY = Manifest("1", "example", "example", (), None, (), {})


def generate(prod_00: Path, folder: Path, places: dict[str, str], *more: str) -> Manifest:
    text = "hosts:\n" + "".join(
        f"  {host.name}: {{address: {host.address}, endpoint: '{host.endpoint}', path: /srv/flare}}\n"
        for host in (HUB, WARD)
    )
    text += "participants:\n" + "".join(f"  {name}: {{host: {host}}}\n" for name, host in places.items())
    (folder / "composer.yml").write_text(text if places else "{}")
    ended = composer("generate", prod_00, "-f", folder / "composer.yml", "-C", folder / "deployment", *more)
    assert ended.returncode == 0, ended.err
    found = read_manifest(folder / "deployment")
    assert found is not None
    return found


def names(hosts: tuple[Host, ...]) -> list[str]:
    return [host.name for host in hosts]


@pytest.mark.nvflare
def test_generate_does_not_forget_the_hosts_that_it_drops(prod_00: Path, tmp_path: Path) -> None:
    assert names(generate(prod_00, tmp_path, {"site-1": "hub", "site-2": "ward-a"}).left) == []
    assert names(generate(prod_00, tmp_path, {"site-1": "hub"}).left) == ["ward-a"]
    assert names(generate(prod_00, tmp_path, {}).left) == ["ward-a", "hub"]
    before = (tmp_path / "deployment" / "manifest.json").read_bytes()
    generate(prod_00, tmp_path, {})
    assert (tmp_path / "deployment" / "manifest.json").read_bytes() == before
    assert names(generate(prod_00, tmp_path, {"site-2": "ward-a"}).left) == ["hub"]


def test_a_host_is_left_only_when_its_folder_is() -> None:
    former = replace(EMPTY, hosts=(HUB, WARD))
    same = replace(EMPTY, hosts=(replace(HUB, address="10.77.0.9", build="remote"), WARD))
    assert same.after(former).left == ()
    elsewhere = replace(EMPTY, hosts=(replace(HUB, path=PurePosixPath("/data/flare/example")), WARD))
    assert elsewhere.after(former).left == (HUB,)


def test_what_is_recorded_is_read_back(tmp_path: Path) -> None:
    known = replace(EMPTY, hosts=(replace(HUB, build="remote"),), left=(WARD,))
    record(known, tmp_path)
    assert read_manifest(tmp_path) == known
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_manifest_of_an_earlier_composer_has_left_nobody() -> None:
    text = dump_manifest(replace(EMPTY, hosts=(HUB,))).replace('"left": [],', "").replace('"build": "here"', '"x": ""')
    text = text.replace(',\n  "left": []', "")
    assert '"left"' not in text
    assert parse_manifest(text, Path("manifest.json")) == replace(EMPTY, hosts=(HUB,))
