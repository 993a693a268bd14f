"""The /etc/hosts lines of a federation."""

from __future__ import annotations

import os

from composer.model import Owner
from composer.usecases.inputs import Inputs, known_inputs, resolved


def hosts(inputs: Inputs) -> str:
    """Return the /etc/hosts lines of the federation, those of each host where there are several.

    Raises:
        ComposerError: The kits or the definition do not allow it.
    """
    from composer.render.hosts import render_all_hosts

    with resolved(known_inputs(inputs), Owner(os.geteuid(), os.getegid()), {}) as federation:
        return render_all_hosts(federation)
