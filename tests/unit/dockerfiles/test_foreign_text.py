"""What scripts print on a terminal that others have written: names in archives and workspaces, the output of tools."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, Ended, run

DOCKERFILES = ROOT / "dockerfiles"
HOSTILE = "\x1b]0;PWNED\x07\x1b[2J\x1bM\u202eforged"
SAYS = r"printf '\033]0;PWNED\a\033[2Jfirst\nsecond\033M\n' >&2"


def printable(ended: Ended) -> str:
    said = ended.out + ended.err
    for line in said.split("\n"):
        assert all(char.isprintable() for char in line), said.encode()
    return said


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the scripts of both kinds of bundle, and a site."""
    for folder in ("scripts/lib", "bundle-docker/lib", "metal/lib"):
        library = tmp_path / folder.replace("/", "-") / "lib"
        library.mkdir(parents=True)
        for source in (*(DOCKERFILES / "scripts/lib").iterdir(), *(DOCKERFILES / folder).iterdir()):
            (library / source.name).write_bytes(source.read_bytes())
    tools = tmp_path / "tools"
    tools.mkdir()
    return tmp_path


def tool(place: Path, name: str, script: str) -> None:
    (place / "tools" / name).write_text(f"#!/bin/bash\n{script}\n")
    (place / "tools" / name).chmod(0o755)


def shell(place: Path, script: str) -> Ended:
    return run(["bash", "-c", script], cwd=place, env={"PATH": f"{place / 'tools'}:{os.environ['PATH']}"})


@pytest.mark.parametrize("name", [f"kits/{HOSTILE}.key", f"{HOSTILE}.sh"])
def test_names_whose_modes_are_repaired(tmp_path: Path, name: str) -> None:
    """SHA256SUMS says that they belong here; it has no signature."""
    files = {"lib/verify.sh": (DOCKERFILES / "bundle/lib/verify.sh").read_bytes(), name: b"x"}
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
        (tmp_path / path).chmod(0o644)
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in files.items())
    (tmp_path / "SHA256SUMS").write_text(sums)
    ended = run(["bash", tmp_path / "lib/verify.sh"])
    assert ended.returncode == 0, ended.err
    assert "modes were lost on the way and are repaired: " in printable(ended)
    assert "PWNED" in ended.err
    assert "lib/verify.sh" in ended.err


@pytest.mark.parametrize("status", [0, 1])
def test_what_docker_and_the_steps_of_a_build_write(place: Path, status: int) -> None:
    tool(place, "docker", f"[[ $1 != build ]] || {{ {SAYS}; exit {status}; }}")
    lib = place / "bundle-docker-lib/lib"
    script = f"source {lib}/common.sh; source {lib}/images.sh; service=site-1 name=site-1 image=x build_network=; build"
    ended = shell(place, script)
    assert ended.returncode == status
    said = printable(ended).splitlines()
    assert said[:3] == ["building the image of site-1", "]0;PWNEDfirst", "secondM"]
    assert ("error: the image of site-1 cannot be built" in said) == bool(status)


def test_what_docker_writes_of_an_archive(place: Path) -> None:
    tool(place, "docker", f"[[ $1 != load ]] || {{ {SAYS}; exit 1; }}; exit 1")
    lib = place / "bundle-docker-lib/lib"
    (lib.parent / "images.tar").touch()
    script = (
        f"source {lib}/common.sh; source {lib}/images.sh; load() {{ :; }}; image=x; services=(site-1); bring_images"
    )
    ended = shell(place, script)
    assert ended.returncode == 1
    assert "images.tar cannot be loaded" in printable(ended)
    assert "second" in ended.err


def test_what_packages_write_as_they_are_installed(place: Path) -> None:
    tool(place, "pip", f"{SAYS}; exit 1")
    venv = f'mkdir -p "${{@: -1}}/bin"; cp {place}/tools/pip "${{@: -1}}/bin/python3"'
    make = f'case $* in *--version*) echo Python 3.12 ;; *"-m venv"*) {venv} ;; esac'
    tool(place, "python3", make)
    lib = place / "metal-lib/lib"
    folder = lib.parent / "python" / "one"
    folder.mkdir(parents=True)
    (folder / "python.conf").write_text("nvflare=2.9.0 oldest=3.10 newest=3.12\n")
    ended = shell(place, f"bash {lib}/venv.sh")
    assert ended.returncode == 1
    said = printable(ended).splitlines()
    assert "second" in ended.err
    assert any("cannot be installed" in line for line in said)


def test_a_folder_that_a_job_has_made_beside_its_workspace(place: Path) -> None:
    lib = place / "metal-lib/lib"
    (lib.parent / "workspaces" / HOSTILE).mkdir(parents=True)
    (lib.parent / "workspaces" / HOSTILE / "composer.supervisor").touch()
    script = f"source {lib}/common.sh; source {lib}/launch.sh; names=(); end_and_keep() {{ :; }}; end_former"
    ended = shell(place, script)
    assert ended.returncode == 0, ended.err
    assert "it is not among the participants any more" in printable(ended)


def test_a_name_of_a_rotated_log_that_a_job_has_made(tmp_path: Path) -> None:
    (tmp_path / f"log.txt.1{HOSTILE}\nserver1-1  | forged").mkdir()
    stub = tmp_path / "tools" / "python3"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\n: >"$FLARE_WORKSPACE/shutdown.fl"\n')
    stub.chmod(0o755)
    workspace = {"FLARE_WORKSPACE": str(tmp_path), "PATH": f"{stub.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", DOCKERFILES / "entrypoint.sh", "client", "module"],
        env={**os.environ, **workspace},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = printable(Ended(done.returncode, done.stdout, done.stderr))
    assert "which a job has put in place of a file" in said
    assert not any(line.startswith("server1-1") for line in said.splitlines())
