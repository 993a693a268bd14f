"""The console blocks of the documentation, and how they are run.

A comment before a block says what it needs: ``<!-- runs: kits -->`` (nothing but kits), ``<!-- runs: engine -->`` (a
Docker engine), ``<!-- runs: elsewhere -->`` (what a test of its own has; ``ELSEWHERE`` names it). ``last`` behind it
puts the block behind those of other pages. ``<!-- file: NAME -->`` before a block has the block written as a file.

What a block shows is held to what comes: numbers, ids and blanks may differ, and ``…`` stands for anything.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

_FENCE = re.compile(r"(?P<marks>(?:<!-- [^\n]* -->\n)*)```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_RUNS = re.compile(r"<!-- runs: (\w+)(, last)? -->")
_FILE = re.compile(r"<!-- file: (\S+) -->")

# What runs the same commands, by the page and the block's first command.
ELSEWHERE = {
    ("looking.md", "composer topology"): "unit/test_docs.py",
    ("README.md", "pip install '.[provision]'"): "docker/test_ordinary_user.py",
    ("tutorial.md", "pip install '.[provision]'"): "docker/test_ordinary_user.py",
    ("how-to/install.md", "pip install ."): "docker/test_ordinary_user.py",
    ("how-to/hosts.md", "composer up"): "hosts/test_across.py",
    ("how-to/hospital.md", "sha256sum quickstart-site-1.tar.gz"): "bundle/test_three_hosts.py",
    ("how-to/hospital.md", "composer doctor"): "hosts/test_ways.py",
    ("how-to/bare-metal.md", "composer up -f one-machine.yml"): "process/test_federation.py",
    ("how-to/bare-metal.md", "tar xzf quickstart-site-1.tar.gz"): "bundle/test_three_hosts.py",
    ("why.md", "composer why"): "docker/test_federation.py",
    ("how-to/growing.md", "composer provision"): "docker/test_membership.py",
    ("how-to/growing.md", "composer remove"): "docker/test_membership.py",
    ("how-to/growing.md", "composer history"): "unit/deployment/test_history.py",
    ("how-to/podman.md", "composer down"): "podman/test_federation.py",
    ("how-to/air-gapped.md", "composer bundle"): "bundle/test_encryption.py",
    ("how-to/air-gapped.md", "sha256sum quickstart-site-1.tar.gz.age"): "bundle/test_encryption.py",
    ("how-to/air-gapped.md", "composer wheels"): "docker/images/test_elsewhere.py",
    ("how-to/air-gapped.md", "docker load"): "docker/images/test_elsewhere.py",
}


@dataclass(frozen=True)
class Step:
    """A command, and what the page shows of what it prints."""

    command: str
    shown: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """A console block, or a file of a page (``file`` is its name, ``text`` what is in it)."""

    page: str
    line: int
    runs: str = ""
    last: bool = False
    steps: tuple[Step, ...] = ()
    file: str = ""
    text: str = ""

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{self.page}:{self.line}"


def pages() -> Mapping[str, Path]:
    """Return the pages that people read, by their names."""
    below = ROOT / "docs"
    return {"README.md": ROOT / "README.md"} | {str(p.relative_to(below)): p for p in sorted(below.rglob("*.md"))}


def blocks(page: str, text: str) -> Iterator[Block]:
    """Yield a page's console blocks and files, in their order."""
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("text")) + 1
        runs, file = _RUNS.search(found["marks"]), _FILE.search(found["marks"])
        if file:
            yield Block(page, line, file=file[1], text=found["text"])
        elif found["kind"] == "console":
            steps = tuple(_steps(found["text"]))
            yield Block(page, line, runs[1] if runs else "", bool(runs and runs[2]), steps)


def _steps(text: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", text.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield Step(command, tuple(line.rstrip() for line in shown.splitlines()))


def run_block(block: Block, folder: Path, ids: dict[str, str], names: Mapping[str, str]) -> None:
    """Run a block's commands in a folder, as a user does; each must end with 0 and print what is shown.

    Args:
        block: The block. A file is written.
        folder: Where it is run.
        ids: The ids that pages show, by those that came in their place; what is found is added.
        names: What stands in the pages, by what stands in its place here.
    """
    if block.file:
        (folder / block.file).write_text(block.text)
        return
    for step in block.steps:
        command = step.command
        for shown, here in {**names, **ids}.items():
            command = command.replace(shown, here)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=folder,
            env={**os.environ, "PATH": path, "HOME": str(folder), "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{block.name}: {command}\n{said}"
        ids.update(zip(_IDS.findall("\n".join(step.shown)), _IDS.findall(done.stdout), strict=False))
        for shown, here in names.items():
            said = said.replace(here, shown)
        expected = [line for line in step.shown if line]
        # What is said on the way is on another stream: each line is looked for by itself.
        lines = {_alike(line) for line in said.splitlines()}
        for line in expected:
            pattern = re.escape(_alike(line)).replace("…", ".*")
            assert any(re.fullmatch(pattern, one) for one in lines), (
                f"{block.name}: {command}\n{line}\nis not in\n{said}"
            )


# Of jobs, and SHA-256.
_IDS = re.compile(r"\b(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64})\b")


def _alike(line: str) -> str:
    """The line without what differs from run to run."""
    without = _IDS.sub("ID", line)
    without = re.sub(r"(?<![a-z]-)\b\d+( s\b| min\b)?", "0", without)
    return " ".join(without.split())
