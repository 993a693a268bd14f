"""``python -m tests.bench [NAME...]``: measure all figures, or those named."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path


def main() -> int:
    """Measure; 1 if a figure is worse than promised."""
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.name != "__main__"]
    wanted = sys.argv[1:] or names
    strangers = sorted(set(wanted) - set(names))
    if strangers:
        print(f"there is no figure {', '.join(strangers)}: there is {', '.join(names)}", file=sys.stderr)
        return 2
    kept = [importlib.import_module(f"tests.bench.{name}").measure() for name in wanted]
    return 0 if all(kept) else 1


sys.exit(main())
