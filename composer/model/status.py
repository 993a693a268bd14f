"""How a federation and its images are seen to stand: frozen values, the nouns of what is looked at."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from composer.model.kinds import LOCAL, ParticipantType

State = Literal["absent", "created", "running", "paused", "restarting", "exited", "stopped", "unknown"]
Health = Literal["starting", "healthy", "unhealthy", "none"]
Freshness = Literal["fresh", "stale", "missing", "unknown"]
# Who is paused has its processes, and they keep their ports; they only do nothing.
ALIVE: tuple[State, ...] = ("running", "paused")

# Days before the end of a certificate from which on it is told: to provision anew concerns every site.
_SOON = 60


@dataclass(frozen=True)
class ParticipantStatus:
    """A participant as it is seen to run; the fields are those of ``composer status --json``.

    ``image_fresh`` is false where it runs an image that was not built from the Dockerfile as it is now; ``drift``
    says in words what it was started from that is no longer what the deployment folder holds.
    """

    name: str
    type: ParticipantType
    host: str
    state: State
    health: Health
    registered: bool
    since: datetime | None
    certificate_days_left: int
    image: str
    restarts: int = 0
    image_fresh: bool = True
    drift: str = ""
    detail: str = ""

    @property
    def expired(self) -> bool:
        """True when its certificate has ended: what is connected stays so, but nobody lets it in again."""
        return self.certificate_days_left < 0

    @property
    def well(self) -> bool:
        """True when it runs, does what it is there for, and could do so again after a restart."""
        serves = self.state == "running" and self.registered and self.health in ("healthy", "none")
        return serves and not self.expired

    def told_of_its_end(self) -> ParticipantStatus:
        """Return it with the detail that its certificate has ended, or ends soon, where it does."""
        left = self.certificate_days_left
        if left > _SOON:
            return self
        again = "provision the project again"
        ends = f"its certificate or its root's ends in {left} day{'' if left == 1 else 's'}: {again} before"
        end = f"its certificate has expired: {again}" if self.expired else ends
        return replace(self, detail="; ".join(part for part in (end, self.detail) if part))


@dataclass(frozen=True)
class ImageStatus:
    """A participant's image as the engine has it; the fields are those of ``composer images --json``.

    ``shared`` and ``own`` add up to ``size``: the bytes that other images have as well, and those that are only
    for this participant. ``state`` tells whether it was built from what the deployment folder holds now.
    """

    name: str
    type: ParticipantType
    tag: str
    state: Freshness
    id: str = ""
    size: int = 0
    shared: int = 0
    own: int = 0
    nvflare: str = ""
    built: datetime | None = None
    host: str = LOCAL


@dataclass(frozen=True)
class FederationStatus:
    """All participants of a deployment as they are seen to run.

    ``changed`` is false where the command that returns it has found everything as it was to be.
    """

    federation: str
    participants: tuple[ParticipantStatus, ...] = field(default=())
    changed: bool = True

    @property
    def healthy(self) -> bool:
        """True when every participant is well; where there are administrators alone, nobody is to run."""
        return all(p.well for p in self.participants)
