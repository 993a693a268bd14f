"""How everybody is seen to run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from composer.model.status import FederationStatus
from composer.runtimes.listeners import with_shared_ports
from composer.usecases.inputs import deployed


def status(deployment: Path) -> FederationStatus:
    """Return how every participant of a deployment is seen to run.

    Raises:
        ComposerError: There is no deployment there, or no engine answers.
    """
    from composer.runtimes import runtime_of

    manifest = deployed(deployment)
    if manifest.hosts:
        from composer.hosts import watch

        seen = watch.status(manifest, deployment)
    else:
        seen = runtime_of(manifest, deployment).examine(datetime.now(timezone.utc))
    seen = with_shared_ports(seen, manifest)
    return replace(seen, participants=tuple(one.told_of_its_end() for one in seen.participants))
