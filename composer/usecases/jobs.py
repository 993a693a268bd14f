"""The jobs of a deployment's server, as its job store has them."""

from __future__ import annotations

from pathlib import Path

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.model.kinds import LOCAL
from composer.model.report import Job, Unknown


def server_here(manifest: Manifest) -> DeployedParticipant | Unknown:
    """Return the server on this machine; where there is none, why."""
    server = next((one for one in manifest.participants if one.type == "server"), None)
    if server is None:
        return Unknown("the server is not among these kits")
    if server.host != LOCAL:
        return Unknown(f"the server runs on {server.host}, and this is read only on its own machine")
    return server


def stored_jobs(deployment: Path, manifest: Manifest) -> tuple[Job, ...] | Unknown:
    """Return the jobs in the job store, the newest first; where it cannot be read, why."""
    from composer.runtimes.job_store import read_jobs

    server = server_here(manifest)
    if isinstance(server, Unknown):
        return server
    try:
        return read_jobs(deployment)
    except OSError as error:
        return Unknown(f"the job store cannot be read: {error.strerror}", "run composer as the owner of the kits")
