"""NVFLARE's provisioner of every release, each in an environment of its own that is kept between runs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from composer.kits.releases import NVFLARE_VERSIONS
from composer.resolve.image import default_base
from tests.conftest import ROOT, missing, run

CACHE = Path(os.environ.get("FLARE_COMPOSER_CACHE", "/var/cache/flare-composer"))
# Debian with a Python that the release runs on: 3.9 and 3.11.
_DEBIAN = {release: "bullseye" if release == "2.4" else "bookworm" for release in NVFLARE_VERSIONS}
_SAMPLE = "lib/python3*/site-packages/nvflare/lighter/dummy_project.yml"


@dataclass(frozen=True)
class Provisioner:
    """The provisioner of one release.

    It runs in a container of the base image that participants get, since this machine's own Python may not suit.
    """

    nvflare: str
    definition: Path | None
    base: str
    ca_bundle: str

    def provision(self, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
        """Provision the release's own sample project, changed by ``change``, in ``folder``; return its prod_00."""
        venv = self._venv()
        project = yaml.safe_load(next(venv.glob(_SAMPLE)).read_text())
        change(project)
        (folder / "project.yml").write_text(yaml.safe_dump(project, sort_keys=False))
        self._run(folder, f"{venv}/bin/python3 -m nvflare.cli provision -p project.yml -w workspace")
        return folder / "workspace" / project["name"] / "prod_00"

    def _venv(self) -> Path:
        venv = CACHE / "nvflare" / f"{self.nvflare}-{self.base.rpartition(':')[2]}"
        venv.mkdir(parents=True, exist_ok=True)
        with _locked(venv):
            if not (venv / "installed").exists():
                pip = f"{venv}/bin/pip --disable-pip-version-check install --quiet --no-cache-dir"
                self._run(venv, f"python3 -m venv --clear {venv} && {pip} nvflare=={self.nvflare}")
                (venv / "installed").touch()
        return venv

    def _run(self, folder: Path, script: str) -> None:
        options = ["--network", "host", "--user", f"{os.geteuid()}:{os.getegid()}", "--env", "HOME=/tmp"]
        options += ["--volume", f"{CACHE}:{CACHE}", "--volume", f"{folder}:{folder}", "--workdir", str(folder)]
        if self.ca_bundle:
            options += ["--volume", f"{self.ca_bundle}:/run/ca.pem:ro", "--env", "PIP_CERT=/run/ca.pem"]
        ended = run(["docker", "run", "--rm", "--init", *options, self.base, "sh", "-ec", script], timeout=600)
        assert ended.returncode == 0, ended.err + ended.out


def provisioner(release: str, folder: Path) -> Provisioner:
    """Return the provisioner of a release and, in ``folder``, the definition that its federations are built by."""
    version = NVFLARE_VERSIONS[release]
    usual = os.environ.get("FLARE_COMPOSER_DEFINITION")
    if usual is None:
        return Provisioner(version, None, default_base(version), "")
    ended = run([ROOT / "tests" / "machine" / "base-image.sh", _DEBIAN[release]], timeout=600)
    if ended.returncode:
        missing(f"NVFLARE {version} needs a Debian {_DEBIAN[release]} for its Python: {ended.err}")
    document = yaml.safe_load(Path(usual).read_text())
    document["image"]["base"] = ended.out.strip()
    definition = folder / "composer.yml"
    definition.write_text(yaml.safe_dump(document))
    return Provisioner(version, definition, document["image"]["base"], document["image"].get("ca_bundle", ""))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
