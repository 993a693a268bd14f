"""The picture of a federation, from kits and a definition alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from composer.usecases.inputs import Inputs
from composer.usecases.session import open_session

if TYPE_CHECKING:
    from composer.model.topology import Topology


def topology(inputs: Inputs) -> Topology:
    """Return who is where and dials whom; nothing is asked of an engine or a host.

    Raises:
        ComposerError: The kits or the definition do not allow it.
    """
    from composer.resolve.topology import resolve_topology

    with open_session(inputs).resolved(startable=False) as federation:
        return resolve_topology(federation)
