"""``python -m tests.bench [--readme] [NAME...]``: take all figures, or those of the modules named.

Prints a table, writes ``.bench/figures.json``, and with ``--readme`` puts the table into README.md. Nothing here
asserts: a missed target is a row that says so.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
import time
from dataclasses import asdict
from pathlib import Path

from composer.output import print_table
from tests.bench.figure import COLUMNS, Figure

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
_NO_FIGURES = {"__main__", "figure", "peers"}
_BEGIN, _END = "<!-- make bench begins -->\n", "<!-- make bench ends -->\n"


def main(arguments: list[str]) -> int:
    """Take the figures and print them; 2 if a name is unknown."""
    names = [module.name for module in pkgutil.iter_modules([str(HERE)]) if module.name not in _NO_FIGURES]
    wanted = [argument for argument in arguments if not argument.startswith("--")] or names
    strangers = sorted(set(wanted) - set(names))
    if strangers:
        print(f"there are no figures {', '.join(strangers)}: there are {', '.join(names)}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    for name in wanted:
        began = time.monotonic()
        print(f"{name} …", file=sys.stderr, flush=True)
        figures += importlib.import_module(f"tests.bench.{name}").figures()
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print_table(COLUMNS, [("green" if figure.met else "yellow", figure.cells()) for figure in figures])
    (ROOT / ".bench").mkdir(exist_ok=True)
    (ROOT / ".bench" / "figures.json").write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")
    if "--readme" in arguments:
        _write_readme(figures)
    return 0


def _write_readme(figures: list[Figure]) -> None:
    readme = ROOT / "README.md"
    head, _, rest = readme.read_text().partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    rows = [COLUMNS, tuple("---" for _ in COLUMNS), *(figure.cells() for figure in figures)]
    table = "".join("| " + " | ".join(row) + " |\n" for row in rows)
    readme.write_text(f"{head}{_BEGIN}{table}{_END}{tail}")


sys.exit(main(sys.argv[1:]))
