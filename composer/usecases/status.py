"""How everybody is seen to run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from composer.hosts import watch
from composer.model.status import FederationStatus
from composer.runtimes.listeners import with_shared_ports
from composer.usecases.inputs import deployed


def status(deployment: Path) -> FederationStatus:
    """Return how every participant of a deployment is seen to run.

    Raises:
        ComposerError: There is no deployment there, or no engine answers.
    """
    manifest = deployed(deployment)
    seen = with_shared_ports(watch.status(manifest, deployment), manifest)
    return replace(seen, participants=tuple(one.told_of_its_end() for one in seen.participants))
