"""Generating for many sites: time and memory, with and without the checks, and how both grow."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tests.bench.figure import Figure, seconds
from tests.conftest import COMPOSER, composer, run

SIZES = (10, 100, 1000)
RUNS = 3


def figures() -> list[Figure]:
    """1,000 sites against the promises, and 1,000 a site against 100 a site and 10 a site."""
    took: dict[int, list[float]] = {size: [] for size in SIZES}
    checked: list[float] = []
    peak: list[float] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        prods = {size: provision(folder / str(size), size) for size in SIZES}
        for run_ in range(RUNS):
            for size, prod in prods.items():
                seconds_, megabytes = _generate(prod, folder / f"deployment-{size}-{run_}")
                took[size].append(seconds_)
            peak.append(megabytes)
            checked.append(seconds_ + seconds(lambda: composer("check", prods[SIZES[-1]], "--ignore", "MAX-CLIENTS")))
    each = {size: [one / size for one in took[size]] for size in SIZES}
    return [
        Figure("generate for 1,000 sites", tuple(took[1000]), 3.0),
        Figure("generate and check for 1,000 sites", tuple(checked), 6.0),
        Figure("generate for 1,000 sites, peak memory", tuple(peak), 200, unit="MB"),
        *(
            Figure("generate, a site of 1,000", tuple(each[1000]), 1.5, f"a site of {n}", tuple(each[n]))
            for n in (100, 10)
        ),
    ]


def _generate(prod: Path, deployment: Path) -> tuple[float, float]:
    """Seconds and MB."""
    ended = run(
        ["/usr/bin/time", "-f", "%e %M", *COMPOSER, "generate", prod, "-C", deployment, "--ignore", "MAX-CLIENTS"]
    )
    assert ended.returncode == 0, ended.err
    took, kilobytes = re.findall(r"^([\d.]+) (\d+)$", ended.err, re.MULTILINE)[-1]
    return float(took), int(kilobytes) / 1024


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
