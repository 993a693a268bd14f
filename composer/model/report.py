"""What a report says of a federation. No key, no PIN and no value of an environment has a place in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from composer.model.finding import Finding
from composer.model.kinds import ParticipantType
from composer.model.kit import Certificate
from composer.model.status import FederationStatus, ImageStatus
from composer.model.topology import Topology

Happened = Literal["begins", "joined", "back", "left", "dead"]


@dataclass(frozen=True)
class Unknown:
    """What could not be found out, and why: a cause and what to do, as an error has them; both may be empty."""

    cause: str
    hint: str = ""


@dataclass(frozen=True)
class Event:
    """What a server's log says of a participant: it came, came back, left or was lost; or the server itself began."""

    at: datetime
    name: str
    happened: Happened


@dataclass(frozen=True)
class Job:
    """A job as the server's job store has it.

    ``status`` is NVFLARE's own word. ``seconds`` is how long it ran; None while it does, or where that is not said.
    ``sites`` says of each participant of the job whether it got it, in NVFLARE's words; ``history`` what the scheduler
    said each time that it tried, the last at the end. It needs ``min_clients`` sites, all of ``mandatory`` among them;
    ``targets`` are the sites that it is for, none where it is for all.
    """

    id: str
    name: str
    status: str
    submitter: str = ""
    submitted: datetime | None = None
    seconds: float | None = None
    sites: tuple[tuple[str, str], ...] = ()
    history: tuple[str, ...] = ()
    min_clients: int = 1
    mandatory: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether it runs no more."""
        return self.status.startswith("FINISHED")

    @property
    def completed(self) -> bool:
        """Whether it ended as it should."""
        return self.status == "FINISHED:COMPLETED"


@dataclass(frozen=True)
class CertificateOf:
    """A participant's certificate."""

    name: str
    type: ParticipantType
    certificate: Certificate


@dataclass(frozen=True)
class Contents:
    """What goes into the images of some participants: all that is the same for them.

    ``python`` are the packages that are pinned, each with its version; empty where nothing has been pinned yet.
    """

    names: tuple[str, ...]
    base: str
    nvflare: str
    releases: tuple[str, ...]
    debian: tuple[str, ...]
    python: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Report:
    """All that a report shows.

    Attributes:
        made: When it was found out.
        composer: The version of composer.
        topology: Who is where and dials whom.
        status: How the participants run; None where nothing is deployed.
        events: What the server's log says, the oldest first.
        jobs: Those in the server's job store, the newest first.
        certificates: Of all participants, the one that ends first before the others.
        images: How the images stand; None where nothing is deployed, or nothing runs in containers.
        contents: What goes into the images, or into the virtual environments where there are no containers.
        findings: Of `check` and `doctor`, errors first.
        authorities: SHA-256 of the certificates of the authorities that the kits trust.
        kits: Where the kits are.
        definition: The composer.yml that was used, if any.
        deployment: The deployment folder; None where there is none.
    """

    made: datetime
    composer: str
    topology: Topology
    status: FederationStatus | Unknown | None
    events: tuple[Event, ...] | Unknown
    jobs: tuple[Job, ...] | Unknown
    certificates: tuple[CertificateOf, ...]
    images: tuple[ImageStatus, ...] | Unknown | None
    contents: tuple[Contents, ...]
    findings: tuple[Finding, ...]
    authorities: tuple[str, ...]
    kits: tuple[Path, ...]
    definition: Path | None
    deployment: Path | None
