"""Generating for many sites: time and memory, with and without the checks, and how both grow."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tests.bench.figure import Figure, seconds
from tests.conftest import COMPOSER, composer, run

SIZES = (10, 100, 1000)


def figures() -> list[Figure]:
    """1,000 sites against the promises, and 1,000 a site against 100 a site."""
    took, checked, peak = {}, {}, {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for size in SIZES:
            prod = provision(folder / str(size), size)
            target = folder / f"deployment-{size}"
            ended = run(["/usr/bin/time", "-f", "%e %M", *COMPOSER, "generate", prod, "-d", target])
            assert ended.returncode == 0, ended.err
            measured = re.findall(r"^([\d.]+) (\d+)$", ended.err, re.MULTILINE)[-1]
            took[size], peak[size] = float(measured[0]), int(measured[1]) / 1024
            checked[size] = took[size] + seconds(lambda at=prod: composer("check", at))  # type: ignore[misc]
    each = {size: took[size] / size for size in SIZES}
    return [
        Figure("generate for 1,000 sites", (took[1000],), 3.0),
        Figure("generate and check for 1,000 sites", (checked[1000],), 6.0),
        Figure("generate for 1,000 sites, peak memory", (peak[1000],), 200, unit="MB"),
        Figure("generate, a site of 1,000", (each[1000],), 1.5, "a site of 100", (each[100],)),
    ]


def provision(folder: Path, sites: int, name: str = "many", port: int = 8002) -> Path:
    """Kits for one server and as many sites, made by NVFLARE itself."""
    folder.mkdir()
    clients = "".join(f"  - {{name: site-{n}, type: client, org: wards}}\n" for n in range(1, sites + 1))
    (folder / "project.yml").write_text(
        f"api_version: 3\nname: {name}\nparticipants:\n"
        f"  - {{name: server1, type: server, org: hub, fed_learn_port: {port}}}\n{clients}"
        "builders:\n"
        "  - path: nvflare.lighter.impl.workspace.WorkspaceBuilder\n"
        "  - path: nvflare.lighter.impl.static_file.StaticFileBuilder\n"
        "    args: {config_folder: config, scheme: http}\n"
        "  - path: nvflare.lighter.impl.cert.CertBuilder\n"
    )
    ended = composer("provision", folder / "project.yml", "-w", folder / "workspace")
    assert ended.returncode == 0, ended.err
    return Path(ended.out.strip())
