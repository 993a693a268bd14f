"""The /etc/hosts lines of a federation."""

from __future__ import annotations

from composer.usecases.inputs import Inputs
from composer.usecases.session import open_session


def hosts(inputs: Inputs) -> str:
    """Return the /etc/hosts lines of the federation, those of each host where there are several.

    Raises:
        ComposerError: The kits or the definition do not allow it.
    """
    from composer.render.hosts import render_all_hosts

    with open_session(inputs).resolved() as federation:
        return render_all_hosts(federation)
