"""Waits until a federation is federated: the server serves, and every participant started has registered."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from composer.deployment.manifest import DeployedParticipant
from composer.model import LOCAL
from composer.model.errors import ComposerError, CrashLoop, NotHealthy
from composer.model.status import FederationStatus, ParticipantStatus
from composer.runtimes import Watched, docker
from composer.runtimes.observe import says_registered

_TICK = 0.02
# A look at the engine costs a request a container, so it may take this share of the waiting time.
_LOOK_SHARE = 0.05
# So long is waited at most, where what the sites write can be seen from here and where it cannot.
_PATIENCE, _PATIENCE_FAR = 10.0, 1.0


def wait_until_federated(
    runtime: Watched,
    timeout: float | None,
    progress: Callable[[FederationStatus], None],
) -> FederationStatus:
    """Wait, and return the status in which everybody was well.

    Args:
        runtime: What runs the deployment.
        timeout: Seconds to wait at most; None: look once, whoever is well, and do not wait.
        progress: Gets every status that was seen on the way.

    Raises:
        NotHealthy: Somebody was not well in time; the message has a line for each.
        CrashLoop: Somebody crashes again and again.
    """
    if timeout is None:
        return runtime.observe(datetime.now(timezone.utc))
    deadline = time.monotonic() + timeout
    crashes_before: dict[str, int] = {}
    while True:
        began = time.monotonic()
        status = runtime.observe(datetime.now(timezone.utc))
        progress(status)
        if all(_arrived(participant) for participant in status.participants):
            return status
        for one in status.participants:
            crashes_before.setdefault(one.name, one.restarts)
        looping = [p.name for p in status.participants if p.restarts - crashes_before[p.name] >= docker.CRASH_LOOP]
        if looping or began > deadline:
            raise _failure(runtime, status, looping, timeout)
        _rest(runtime, status, time.monotonic() - began)


def _rest(runtime: Watched, status: FederationStatus, cost: float) -> None:
    """Sleep until it is worth the cost to look again: soon, where all who were missed say that they are registered."""
    missed = [runtime.manifest.participant(one.name) for one in status.participants if not _arrived(one)]
    sites = [one for one in missed if one.type != "server"]
    near = all(one.host == LOCAL for one in sites)
    latest = time.monotonic() + min(cost / _LOOK_SHARE, _PATIENCE if near and sites else _PATIENCE_FAR)
    time.sleep(max(_TICK, min(cost, _PATIENCE_FAR)))
    while time.monotonic() < latest:
        if near and sites and all(says_registered(runtime.deployment, one) for one in sites):
            return
        time.sleep(_TICK)


def _arrived(status: ParticipantStatus) -> bool:
    return status.state == "running" and status.registered


def _failure(runtime: Watched, status: FederationStatus, looping: Sequence[str], timeout: float) -> ComposerError:
    deployed = {participant.name: participant for participant in runtime.manifest.participants}
    missing = [one for one in status.participants if one.name in looping or (not looping and not _arrived(one))]
    reasons = [
        f"{one.name} {_symptom(one, looping, timeout)}: {_cause(runtime, deployed[one.name], one)}" for one in missing
    ]
    if looping:
        return CrashLoop(
            "\n".join(reasons),
            f"read more in {runtime.deployment}/workspaces/{deployed[missing[0].name].service}/log.txt",
        )
    return NotHealthy("\n".join(reasons), f"they go on trying; read more with: composer logs -n 50 {missing[0].name}")


def _symptom(status: ParticipantStatus, looping: Sequence[str], timeout: float) -> str:
    if looping:
        return f"crashes again and again ({status.restarts} restarts)"
    if status.state != "running":
        return f"does not run ({status.detail or status.state})"
    if status.type == "server":
        return f"does not serve after {timeout:g} s"
    return f"has not registered after {timeout:g} s"


def _cause(runtime: Watched, participant: DeployedParticipant, status: ParticipantStatus) -> str:
    """Name, port and TLS are tried from its host; where they are well, the participant's own last words must do."""
    probed = status.detail if participant.type == "server" else runtime.unreachable(participant)
    words = runtime.last_log_line(participant.name)
    said = f"its last line was: {words}" if words else ""
    return "; ".join(part for part in (probed, said) if part) or "it wrote nothing"
