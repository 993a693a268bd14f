"""Waits until a federation is federated: the server serves, and every participant started has registered."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from composer.deployment.manifest import MANIFEST, DeployedParticipant, Manifest
from composer.model.errors import CrashLoop, NotHealthy
from composer.model.kinds import LOCAL
from composer.model.status import FederationStatus, ParticipantStatus
from composer.runtimes import Watched, docker
from composer.runtimes.observe import says_registered

_TICK = 0.02
# A look at the engine costs a request a container, so it may take this share of the waiting time.
_LOOK_SHARE = 0.05
# So long is waited at most, where what the sites write can be seen from here and where it cannot.
_PATIENCE, _PATIENCE_FAR = 10.0, 1.0
# Who is seen without a container for so long has lost it; one that is being made anew has it back sooner.
_GRACE = 2.0


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
        NotHealthy: Somebody was not well in time, or has ended so that nobody starts it again, with a line for each
            in the message; or the deployment folder has gone.
        CrashLoop: Somebody crashes again and again.
    """
    if timeout is None:
        return runtime.observe(datetime.now(timezone.utc))
    deadline = time.monotonic() + timeout
    crashes_before: dict[str, int] = {}
    ended_since: dict[str, float] = {}
    while True:
        began = time.monotonic()
        status = runtime.observe(datetime.now(timezone.utc))
        progress(status)
        if not (runtime.deployment / MANIFEST).exists():
            raise _moved(runtime.deployment)
        if all(_arrived(participant) for participant in status.participants):
            return status
        for one in status.participants:
            crashes_before.setdefault(one.name, one.restarts)
        looping = [p.name for p in status.participants if p.restarts - crashes_before[p.name] >= docker.CRASH_LOOP]
        if looping:
            raise _crash_loop(runtime, status, looping)
        ended_since = {
            one.name: ended_since.get(one.name, began)
            for one in status.participants
            if _has_ended(runtime.manifest, one)
        }
        lost = any(began - since >= _GRACE for since in ended_since.values())
        if lost or began >= deadline:
            raise _not_healthy(runtime, status, tuple(ended_since) if lost else (), timeout)
        now = time.monotonic()
        _rest(runtime, status, now - began, min(deadline, began + _GRACE) if ended_since else deadline)


def _moved(deployment: Path) -> NotHealthy:
    return NotHealthy(
        f"{deployment} was moved or deleted while its participants start: what they write cannot be seen any more",
        "they go on; move it back, then: composer up again",
    )


def _has_ended(manifest: Manifest, status: ParticipantStatus) -> bool:
    """Tell whether nothing starts it again by itself, though it was started before the waiting began.

    After an administrator's shutdown the entrypoint ends with 0, upon which neither Docker nor the supervisor restarts;
    whom `docker stop` or the loss of its supervisor has ended is not restarted, either.
    """
    return status.state in ("stopped", "exited") or (
        status.state == "absent" and manifest.runtime_on(status.host) != "process"
    )


def _rest(runtime: Watched, status: FederationStatus, cost: float, until: float) -> None:
    """Sleep until it is worth the cost to look again: soon, where all who were missed say that they are registered."""
    missed = [one for one in status.participants if not _arrived(one) and one.type != "server"]
    sites = [runtime.manifest.participant(one.name) for one in missed]
    # What somebody says in a file who does not run is of a former life.
    near = all(one.host == LOCAL and one.state == "running" for one in missed)
    now = time.monotonic()
    latest = min(now + min(cost / _LOOK_SHARE, _PATIENCE if near and sites else _PATIENCE_FAR), until)
    time.sleep(max(min(max(_TICK, min(cost, _PATIENCE_FAR)), until - now), 0))
    while time.monotonic() < latest:
        if near and sites and all(says_registered(runtime.deployment, one) for one in sites):
            return
        time.sleep(_TICK)


def _arrived(status: ParticipantStatus) -> bool:
    return status.state == "running" and status.registered


def _crash_loop(runtime: Watched, status: FederationStatus, looping: Sequence[str]) -> CrashLoop:
    deployed = runtime.manifest.participant
    reasons = [
        f"{one.name} crashes again and again ({one.restarts} restarts): {_cause(runtime, deployed(one.name), one)}"
        for one in status.participants
        if one.name in looping
    ]
    first = deployed(looping[0])
    log = f"{runtime.deployment / 'workspaces' / first.service / 'log.txt'}"
    where = log if first.host == LOCAL else f"the log.txt of its workspace on {first.host}"
    return CrashLoop("\n".join(reasons), f"read more in {where}", looping)


def _not_healthy(runtime: Watched, status: FederationStatus, ended: Sequence[str], timeout: float) -> NotHealthy:
    """Tell of those who have ended, for they cannot be waited for; where nobody has, of all who are late."""
    missing = [one for one in status.participants if one.name in ended or (not ended and not _arrived(one))]
    reasons = "\n".join(_reason(runtime, one, timeout) for one in missing)
    trying = [one.name for one in missing if one.state != "paused" and not _has_ended(runtime.manifest, one)]
    if trying:
        return NotHealthy(reasons, f"they go on trying; read more with: composer logs -n 50 {trying[0]}")
    asleep = all(one.state == "paused" for one in missing)
    return NotHealthy(reasons, "wake it as is said, and it goes on by itself" if asleep else "composer up again")


def _reason(runtime: Watched, status: ParticipantStatus, timeout: float) -> str:
    participant = runtime.manifest.participant(status.name)
    if status.state == "absent" and _has_ended(runtime.manifest, status):
        return f"somebody removed {status.name}'s container{'' if status.host == LOCAL else f' on {status.host}'}"
    if status.state in ("paused", "stopped"):
        return f"{status.name} does not run: {status.detail}"
    return f"{status.name} {_symptom(status, timeout)}: {_cause(runtime, participant, status)}"


def _symptom(status: ParticipantStatus, timeout: float) -> str:
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
