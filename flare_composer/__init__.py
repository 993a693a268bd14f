"""The ``composer`` command, under a name that no other package has.

MosaicML's training library is a package ``composer`` as well, with a command of that name. Where both are installed,
the one that came last, or that comes first on Python's path, shadows the other. This package tells which one is there.

To import it is the first that the command does, and nothing else imports it.
"""

# Until there is something to say about it, a Ctrl-C just ends the command. Python would tell of one by a traceback, and
# to import what stands below, or the module signal itself, takes long enough for one to come.
import _signal  # type: ignore[import-not-found]

if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

import importlib.util
import sys
from pathlib import Path
from typing import NoReturn

_OURS = b"NVIDIA FLARE startup kits in"


def main() -> NoReturn:
    """Run the ``composer`` command; end with 1 where another package of that name shadows it."""
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
