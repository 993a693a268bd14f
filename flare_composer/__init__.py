"""The ``composer`` command, under a name that no other package has.

MosaicML's training library is a package ``composer`` as well, with a command of that name. Where both are installed,
the one that came last, or that comes first on Python's path, shadows the other. This package tells which one is there.
"""

from __future__ import annotations

import importlib.util
import signal
import sys
from pathlib import Path
from typing import NoReturn

_OURS = b"NVIDIA FLARE startup kits in"


def main() -> NoReturn:
    """Run the ``composer`` command; end with 1 where another package of that name shadows it."""
    # Until there is something to say about it, a Ctrl-C just ends it.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    found = importlib.util.find_spec("composer")
    place = Path(found.origin) if found and found.origin else None
    if place is None or _OURS not in place.read_bytes():
        sys.stderr.write(
            f"error: {place.parent if place else 'another package'} shadows the package composer of flare-composer\n"
            " hint: install flare-composer into a virtual environment of its own\n"
        )
        sys.exit(1)
    from composer.cli import main as run

    run()
