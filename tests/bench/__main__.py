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
import traceback
from dataclasses import asdict
from pathlib import Path

from composer.output import print_table
from tests.bench.figure import COLUMNS, Figure

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
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
    figures: list[Figure] = []
    failed = []
    for name in wanted:
        began = time.monotonic()
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            figures += importlib.import_module(f"tests.bench.{name}").figures()
        except Exception:
            # What the others have measured for minutes is not lost with it.
            traceback.print_exc()
            failed.append(name)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print_table(COLUMNS, [("green" if figure.met else "yellow", figure.cells()) for figure in figures])
    (ROOT / ".bench").mkdir(exist_ok=True)
    (ROOT / ".bench" / "figures.json").write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")
    if failed:
        print(f"not taken: {', '.join(failed)}", file=sys.stderr)
        return 1
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
