"""The picture in the README: what ``composer topology`` draws of the quickstart."""

from __future__ import annotations

from dataclasses import replace

from composer.render.picture import render_svg
from composer.resolve.topology import resolve_topology
from tests.conftest import ROOT
from tests.golden.cases import two_sites

PICTURE = ROOT / "docs/images/quickstart.svg"


def picture() -> str:
    """Return it as SVG."""
    return render_svg(replace(resolve_topology(two_sites()), federation="quickstart"))
