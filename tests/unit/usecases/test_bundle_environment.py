"""Bundles for hosts that have a Python environment of their own."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.conftest import Ended, composer


@pytest.fixture
def folder(prod_00: Path, tmp_path: Path) -> Path:
    (tmp_path / "composer.yml").write_text(
        f"kits: {prod_00 / 'site-1'}\nruntime: process\nnvflare_environment: /opt/flare\n"
    )
    return tmp_path


def bundle(folder: Path, *arguments: str) -> Ended:
    return composer("bundle", "-o", "out", *arguments, cwd=folder)


@pytest.mark.nvflare
def test_they_name_it_and_bring_no_packages(folder: Path) -> None:
    ended = bundle(folder)
    assert ended.returncode == 0, ended.err
    (archive,) = (folder / "out").glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        (conf,) = (tar.extractfile(name) for name in names if name.endswith("participants/site-1.conf"))
        assert conf
        assert b"\npython=/opt/flare\n" in conf.read()
    refused = bundle(folder, "--with-wheels")
    assert refused.returncode == 1
    assert "--with-wheels: site-1 is to run in /opt/flare, where nothing is installed" in refused.err


@pytest.mark.nvflare
def test_as_containers_they_have_no_use_for_it(folder: Path) -> None:
    ended = bundle(folder, "--runtime", "docker")
    assert ended.returncode == 0, ended.err
