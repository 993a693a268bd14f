"""``python -m tests.bench [--readme] [NAME...]``: take all figures, or those of the modules named.

Prints a table, keeps the figures in ``.bench/figures.json`` by module, beside those of modules that were measured
before, and with ``--readme`` puts all that is there into docs/reference/performance.md. Nothing here asserts: a missed
target is a row that says so.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path

from composer.cli.screen.output import print_table
from tests.bench.figure import COLUMNS, Figure

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PAGE = ROOT / "docs" / "reference" / "performance.md"
_NO_FIGURES = {"__main__", "figure", "peers"}
_BEGIN, _END = "<!-- make bench begins -->\n", "<!-- make bench ends -->\n"


def main(arguments: list[str]) -> int:
    """Take the figures and print them; 1 if some could not be taken, 2 if a name is unknown."""
    names = [module.name for module in pkgutil.iter_modules([str(HERE)]) if module.name not in _NO_FIGURES]
    wanted = [argument for argument in arguments if not argument.startswith("--")] or names
    strangers = sorted(set(wanted) - set(names))
    if strangers:
        print(f"there are no figures {', '.join(strangers)}: there are {', '.join(names)}", file=sys.stderr)
        return 2
    # As for a user: modules are compiled once.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    taken: dict[str, list[Figure]] = {}
    failed = []
    for name in wanted:
        began = time.monotonic()
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            taken[name] = importlib.import_module(f"tests.bench.{name}").figures()
        except Exception:
            # What the others have measured for minutes is not lost with it.
            traceback.print_exc()
            failed.append(name)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    figures = [figure for name in taken for figure in taken[name]]
    print_table(COLUMNS, [("green" if figure.met else "yellow", figure.cells()) for figure in figures])
    kept = _keep(taken)
    if failed:
        print(f"not taken: {', '.join(failed)}", file=sys.stderr)
        return 1
    if "--readme" in arguments:
        _write_page([figure for name in names for figure in kept.get(name, ())])
    return 0


def _keep(taken: dict[str, list[Figure]]) -> dict[str, list[Figure]]:
    """Write the figures that were taken beside those that there are, and return them all."""
    file = ROOT / ".bench" / "figures.json"
    file.parent.mkdir(exist_ok=True)
    there = json.loads(file.read_text()) if file.exists() else {}
    known = {name: [Figure(**row) for row in rows] for name, rows in there.items()} if isinstance(there, dict) else {}
    kept = {**known, **taken}
    rows = {name: [asdict(figure) for figure in figures] for name, figures in kept.items()}
    file.write_text(json.dumps(rows, indent=2) + "\n")
    return kept


def _write_page(figures: list[Figure]) -> None:
    head, _, rest = PAGE.read_text().partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    rows = [COLUMNS, tuple("---" for _ in COLUMNS), *(figure.cells() for figure in figures)]
    table = "".join("| " + " | ".join(row) + " |\n" for row in rows)
    PAGE.write_text(f"{head}{_BEGIN}{table}{_END}{tail}")


sys.exit(main(sys.argv[1:]))
