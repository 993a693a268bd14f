"""What tests of bundles have: a minimal Debian, and hosts that run it."""

from __future__ import annotations

import os
import platform
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundle.lan import Host, lan
from tests.conftest import missing, run

HOSTS = ("hub", "ward-a", "ward-b")


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minimal Debian with Python, as tests/machine makes it for the base image."""
    if os.geteuid() != 0:
        missing("hosts in namespaces need root")
    cache = Path(os.environ.get("FLARE_COMPOSER_CACHE", "/var/cache/flare-composer"))
    archive = cache / f"base-{platform.freedesktop_os_release().get('VERSION_CODENAME', '')}.tar"
    if not archive.is_file():
        missing(f"there is no minimal Debian in {cache}: run `make test-metal` as root on Debian without an engine")
    folder = tmp_path_factory.mktemp("debian")
    ended = run(["tar", "--numeric-owner", "-C", folder, "-xf", archive])
    assert ended.returncode == 0, ended.err
    # A place for each host's own.
    (folder / "etc" / "hosts").touch()
    return folder


@pytest.fixture(scope="session")
def python(tree: Path) -> str:
    """The version of the Python in it, ``3.N``."""
    ended = run(["chroot", tree, "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
    assert ended.returncode == 0, ended.err
    return ended.out.strip()


@pytest.fixture(scope="module")
def hosts(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Host]]:
    """Three hosts in a network of their own."""
    with lan(tmp_path_factory.mktemp("lan"), tree, HOSTS) as found:
        yield found


def names_in(archive: Path) -> list[str]:
    """Return the names in an archive."""
    with tarfile.open(archive) as opened:
        return opened.getnames()
