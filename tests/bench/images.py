"""Images: what fifty participants cost beside one, what a second build costs, and how large they are."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from tests.bench.figure import Figure, seconds
from tests.bench.generate import provision
from tests.conftest import composer, docker, run

_SOME, _MANY = 10, 50
_RUNS = 3


def figures() -> list[Figure]:
    """Builds from nothing but the base image and pip's cache, once with one site and once with fifty."""
    machine = os.environ.get("FLARE_COMPOSER_DEFINITION")
    image = yaml.safe_load(Path(machine).read_text())["image"] if machine else {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        kits = provision(folder / "kits", _MANY)
        _build(folder / "warm", [kits / "site-1"], image)
        one, some, many = [], [], []
        for run_ in range(_RUNS):
            one.append(_build(folder / f"one-{run_}", [kits / "site-1"], image)[0])
            some.append(_build(folder / f"some-{run_}", [kits / f"site-{n}" for n in range(1, _SOME + 1)], image)[0])
            took, images = _build(folder / f"many-{run_}", [kits], image)
            many.append(took)
        again = [seconds(lambda: _composer(folder / f"many-{_RUNS - 1}", [kits])) for _ in range(_RUNS)]
        naive = _naive(folder, image) if "base" in image else 0
        run(["docker", "image", "rm", "--force", *(one["tag"] for one in images)])
    own = sum(one["own"] for one in images) / len(images) / 1e3
    size = max(one["size"] for one in images) / 1e6
    rows = [
        Figure(f"build for {_SOME} sites", tuple(some), 1.5, "one site", tuple(one)),
        Figure(f"build for {_MANY} sites and their server", tuple(many), 1.5, "one site", tuple(one)),
        Figure(f"layers of its own, a participant of {_MANY + 1}", (own,), 100, unit="kB"),
        Figure(f"build for {_MANY} sites, nothing to do", tuple(again), 1.0),
    ]
    if "base" in image:
        base = _size(image["base"]) / 1e6
        named = "`pip install nvflare` on it"
        own_size, theirs = (size - base,), (naive / 1e6 - base,)
        rows.append(Figure("image of NVFLARE 2.9.0 on top of its base", own_size, 0.9, named, theirs, "MB"))
        rows.append(Figure("image of NVFLARE 2.9.0 on top of its base", own_size, 190, unit="MB"))
        rows.append(Figure("the same with a minimal Debian and Python", (size,), 385, unit="MB"))
    return rows


def _build(folder: Path, kits: list[Path], image: dict[str, Any]) -> tuple[float, list[dict[str, Any]]]:
    folder.mkdir()
    # An option that no build had before: the packages are installed anew.
    anew = f"--timeout={60 + time.time_ns() % 10**9}"
    (folder / "composer.yml").write_text(yaml.safe_dump({"image": {**image, "pip_options": [anew]}}))
    took = seconds(lambda: _composer(folder, kits))
    ended = composer("images", "-C", folder / "deployment", "--json")
    return took, json.loads(ended.out)["images"]


def _naive(folder: Path, image: dict[str, Any]) -> float:
    """The size of what a user would write without composer, in bytes: Python, pip, nvflare, and nothing cleaned up."""
    tag = f"bench-naive:{os.getpid()}"
    context = folder / "naive"
    context.mkdir()
    secret = "--mount=type=secret,id=ca,target=/run/ca.pem"
    install = "PIP_CERT=/run/ca.pem /opt/nvflare/bin/pip install nvflare==2.9.0"
    (context / "Dockerfile").write_text(
        f"FROM {image['base']}\nRUN python3 -m venv /opt/nvflare\nRUN {secret} {install}\n"
    )
    bundle = image.get("ca_bundle", "/etc/ssl/certs/ca-certificates.crt")
    options = ("--quiet", "--network", "host", "--secret", f"id=ca,src={bundle}", "--tag", tag)
    docker("buildx", "build", "--load", *options, str(context))
    size = _size(tag)
    docker("image", "rm", "--force", tag)
    return size


def _size(image: str) -> float:
    return float(json.loads(docker("image", "inspect", image))[0]["Size"])


def _composer(folder: Path, kits: list[Path]) -> None:
    ended = composer("build", *kits, "-f", folder / "composer.yml", "-C", folder / "deployment")
    assert ended.returncode == 0, ended.err
