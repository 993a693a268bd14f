"""What installs packages tells uv all that pip would be told, and leaves to pip what uv cannot do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / "dockerfiles" / "packages.py"
# Notes how it is called, and answers as uv does.
UV = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path

names = ("UV_", "SSL_", "HTTPS_PROXY")
variables = {{name: value for name, value in os.environ.items() if name.startswith(names)}}
given = sys.argv[sys.argv.index("-r") + 1] if "-r" in sys.argv else sys.argv[sys.argv.index("-o") + 2]
with open(os.environ["NOTES"], "a") as notes:
    notes.write(json.dumps({{"argv": sys.argv[1:], "env": variables, "asked": Path(given).read_text()}}) + "\\n")
if "--dry-run" in sys.argv:
    sys.stderr.write("Would install 2 packages\\n + nvflare==2.9.0\\n - numpy==1.9\\n + numpy==2.4.6\\n")
    sys.stderr.write(" + own==1 (from https://files.example/own-1.tar.gz)\\n")
if "-o" in sys.argv:
    Path(sys.argv[sys.argv.index("-o") + 1]).write_text("pins\\n")
"""
PIP = f"""#!{sys.executable}
import os, sys
open(os.environ["NOTES"], "a").write(repr(sys.argv[1:]) + "\\n")
"""


class Machine:
    """A folder with a uv and a pip that note what they are told."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.notes = place / "notes"
        self.uv = place / "uv"
        self.uv.write_text(UV)
        self.uv.chmod(0o755)
        pip = place / "site" / "pip"
        pip.mkdir(parents=True)
        (pip / "__init__.py").touch()
        (pip / "__main__.py").write_text(PIP)
        self.requirements = place / "requirements.txt"
        self.requirements.write_text("nvflare==2.9.0\n")

    def run(self, deed: str, *arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the script, without what this machine's own pip is configured with."""
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "SSL_", "REQUESTS", "CURL"))
        }
        environment = {
            **inherited,
            "HOME": str(self.place),
            "NOTES": str(self.notes),
            "PIP_CONFIG_FILE": os.devnull,
            **env,
        }
        return subprocess.run(
            [sys.executable, SCRIPT, deed, *arguments], env=environment, capture_output=True, text=True
        )

    def install(self, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Install the requirements."""
        programs = ("--uv", self.uv, "--pip", self.place / "site", "--python", sys.executable)
        return self.run("install", *programs, "-r", self.requirements, "--", *options, **env)

    def calls(self) -> list[dict[str, Any]]:
        """How uv was called."""
        return [json.loads(line) for line in self.notes.read_text().splitlines()]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose Python has no packages of its own."""
    made = Machine(tmp_path)
    made.requirements.write_text(f"nvflare==2.9.0 --hash=sha256:{'a' * 64}\n")
    return made


@pytest.mark.parametrize(
    ("option", "argument"),
    [
        ("--pre", "--prerelease=allow"),
        ("--no-index", "--no-index"),
        ("--no-cache-dir", "--no-cache"),
        ("--trusted-host=index.example", "--allow-insecure-host index.example"),
        ("--no-binary=:all:", "--no-binary :all:"),
        ("--only-binary :all:", "--only-binary :all:"),
    ],
)
def test_options_of_pip_are_options_of_uv(machine: Machine, option: str, argument: str) -> None:
    assert machine.install(option).returncode == 0
    assert f" {argument}" in " ".join(machine.calls()[0]["argv"])


@pytest.mark.parametrize(
    ("option", "name", "value"),
    [
        ("--index-url=https://index.example/simple", "UV_DEFAULT_INDEX", "https://index.example/simple"),
        ("-i https://index.example/simple", "UV_DEFAULT_INDEX", "https://index.example/simple"),
        ("--extra-index-url=https://more.example", "UV_INDEX", "https://more.example"),
        ("--timeout=7", "UV_HTTP_TIMEOUT", "7"),
        ("--retries=2", "UV_HTTP_RETRIES", "2"),
        ("--cert=/ca.pem", "SSL_CERT_FILE", "/ca.pem"),
        ("--proxy=http://proxy.example:3128", "HTTPS_PROXY", "http://proxy.example:3128"),
    ],
)
def test_options_of_pip_are_variables_of_uv(machine: Machine, option: str, name: str, value: str) -> None:
    assert machine.install(option).returncode == 0
    assert machine.calls()[0]["env"][name] == value


def test_what_a_pip_conf_says_holds_and_its_password_is_on_no_command_line(machine: Machine, tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://me:secret@index.example/simple\nextra_index_url =\n  https://one.example\n"
        "  https://two.example\n[install]\nno-binary = grpcio\nsomething-new = 1\n"
    )
    assert machine.install("--extra-index-url=https://three.example", PIP_CONFIG_FILE=str(config)).returncode == 0
    (call,) = machine.calls()
    assert call["env"]["UV_DEFAULT_INDEX"] == "https://me:secret@index.example/simple"
    assert call["env"]["UV_INDEX"] == "https://one.example https://two.example https://three.example"
    assert "--no-binary grpcio" in " ".join(call["argv"])
    assert "secret" not in " ".join(call["argv"])


def test_variables_of_pip_win_over_its_files_and_empty_ones_say_nothing(machine: Machine, tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://file.example\n")
    env = {"PIP_CONFIG_FILE": str(config), "PIP_INDEX_URL": "https://variable.example", "PIP_CERT": ""}
    assert machine.install(**env).returncode == 0
    assert machine.calls()[0]["env"]["UV_DEFAULT_INDEX"] == "https://variable.example"
    assert "SSL_CERT_FILE" not in machine.calls()[0]["env"]


def test_a_lock_is_installed_with_its_hashes_and_nothing_besides(machine: Machine) -> None:
    assert machine.install().returncode == 0
    (call,) = machine.calls()
    assert {"--require-hashes", "--no-deps"} <= set(call["argv"])
    assert call["env"]["UV_PYTHON_DOWNLOADS"] == "never"


def test_what_uv_cannot_do_is_done_by_pip(machine: Machine) -> None:
    ended = machine.install("--use-deprecated=legacy-resolver")
    assert ended.returncode == 0
    assert "pip installs the packages, since uv has no option that does what pip's use-deprecated does" in ended.stderr
    said = machine.notes.read_text()
    assert "'install'" in said
    assert "'--require-hashes', '--no-deps', '--use-deprecated=legacy-resolver'" in said


def test_where_uv_is_not_there_pip_installs(machine: Machine) -> None:
    machine.uv.unlink()
    assert machine.install().returncode == 0
    assert "'--no-compile'" in machine.notes.read_text()


def test_a_wheel_of_uv_serves_as_well(machine: Machine, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "uv-1-py3-none-any.whl", "w") as wheel:
        wheel.write(machine.uv, "uv-1.data/scripts/uv")
    machine.uv = tmp_path / "uv-*.whl"
    assert machine.install().returncode == 0
    assert machine.calls()[0]["argv"][:2] == ["pip", "install"]


def lock(machine: Machine, *options: str, **env: str) -> Path:
    found = machine.place / "found"
    ended = machine.run("lock", "--uv", machine.uv, "-r", machine.requirements, "--into", found, "--", *options, **env)
    assert ended.returncode == 0, ended.stderr
    return found


def test_a_lock_that_uv_cannot_find_out_says_why(machine: Machine) -> None:
    found = lock(machine, "--use-deprecated=legacy-resolver")
    assert [path.name for path in found.iterdir()] == ["without-uv"]
    assert "use-deprecated" in (found / "without-uv").read_text()


def test_what_the_python_has_already_is_not_locked(machine: Machine, tmp_path: Path) -> None:
    """As in the image of a GPU framework: uv hears of it, and what it would install is what is pinned."""
    own = tmp_path / "own"
    for name, version in (("numpy", "1.9"), ("torch", "2.7.0a0+nv25")):
        (own / f"{name}-{version}.dist-info").mkdir(parents=True)
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (own / f"{name}-{version}.dist-info" / "METADATA").write_text(text)
    machine.requirements.write_text("--pre\nnvflare==2.9.0\nnumpy\ntorch\n")
    assert (lock(machine, PYTHONPATH=str(own)) / "requirements.lock").read_text() == "pins\n"
    looked, compiled = machine.calls()
    assert "--dry-run" in looked["argv"]
    assert compiled["asked"].splitlines() == [
        *("--pre", "nvflare==2.9.0", "numpy==2.4.6", "own @ https://files.example/own-1.tar.gz"),
    ]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("ERROR: No matching distribution found for uv==0.13.9", 0),
        ("WARNING: Retrying after SSLError\nERROR: No matching distribution found for uv==0.13.9", 1),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", 1),
    ],
)
def test_an_index_without_uv_is_no_failure_and_one_that_is_away_is(
    machine: Machine, tmp_path: Path, said: str, status: int
) -> None:
    """Else a build that finds no network would be remembered as one that has no uv."""
    pip = tmp_path / "bin" / "pip"
    pip.parent.mkdir()
    pip.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    pip.chmod(0o755)
    assert machine.run("bring", "--pip", tmp_path).returncode == status


def test_bytecode_is_the_same_each_time_whatever_does_not_compile(machine: Machine, tmp_path: Path) -> None:
    seen = []
    for name in ("first", "second"):
        folder = tmp_path / "lib"
        folder.mkdir()
        (folder / "good.py").write_text("answer = 'a', ('b', 'c')\n")
        (folder / "bad.py").write_text("print 'of Python 2'\n")
        assert machine.run("compile", "--into", folder).returncode == 0
        seen.append([(path.name, path.read_bytes()) for path in folder.rglob("*.pyc")])
        folder.rename(tmp_path / name)
    assert seen[0] == seen[1]
    assert [name for name, _ in seen[0]] == [f"good.{sys.implementation.cache_tag}.pyc"]


def test_images_get_the_uv_that_is_tested_here() -> None:
    (pinned,) = re.findall(r"^uv==(\S+) ", SCRIPT.read_text().partition('UV = """\\\n')[2], re.MULTILINE)
    assert f'"uv=={pinned}"' in (ROOT / "pyproject.toml").read_text()
