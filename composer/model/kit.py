"""Startup kits as they were loaded: the nouns with which everything begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from composer.model.files import Owner
from composer.model.kinds import ParticipantType


@dataclass(frozen=True)
class Certificate:
    """What composer needs of an X.509 certificate. Times are in UTC; the fingerprint is SHA-256 in hex."""

    common_name: str
    organization: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True)
class Connection:
    """A connection that a participant opens: to whom, and under which name and port.

    ``identity`` is the name of the participant that answers; empty where the kit does not say (releases
    before 2.6), which means the server.
    """

    identity: str
    host: str
    port: int


@dataclass(frozen=True)
class Listener:
    """A port that a participant opens for others, and the host name under which they know it.

    ``port`` is 0 where NVFLARE chooses one by itself.
    """

    host: str
    port: int


@dataclass(frozen=True)
class Launch:
    """How ``sub_start.sh`` starts the participant: ``python3 -m module -s config --set settings...``."""

    module: str
    config: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kit:
    """One startup kit, whatever release of NVFLARE provisioned it and in whatever form it came.

    Attributes:
        path: The kit folder (absolute), the one that holds ``startup/`` and ``local/``.
        name: The participant's identity: the certificate's common name.
        type: What kind of participant it is, told by its ``fed_*.json``.
        release: The NVFLARE release that provisioned it, ``major.minor``.
        project: The project's name; empty where the kit does not say (admin kits before 2.7).
        organization: The participant's organization.
        server_identity: The server's name; empty where the kit does not say (before 2.6).
        scheme: How participants talk: ``http``, ``grpc`` or ``tcp``.
        connection_security: ``mtls``, ``tls`` or ``clear``.
        connects_to: What it dials, the parent first.
        listens_on: What others dial; the server's own address first.
        launch: How it is started; None for an admin, who is a person at a console.
        certificate: Its own.
        root_fingerprint: SHA-256 in hex of the certificate of the authority that it trusts.
        root_ends: When that certificate ends, and with it every connection.
        owner: Whom its private key belongs to.
    """

    path: Path
    name: str
    type: ParticipantType
    release: str
    project: str
    organization: str
    server_identity: str
    scheme: str
    connection_security: str
    connects_to: tuple[Connection, ...]
    listens_on: tuple[Listener, ...]
    launch: Launch | None
    certificate: Certificate
    root_fingerprint: str
    root_ends: datetime
    owner: Owner

    @property
    def key_pair(self) -> tuple[Path, Path]:
        """The certificate and the private key that it authenticates with, as paths."""
        stem = "server" if self.type == "server" else "client"
        return self.path / "startup" / f"{stem}.crt", self.path / "startup" / f"{stem}.key"

    @property
    def root_certificate(self) -> Path:
        """The certificate of the project's authority, as a path."""
        return self.path / "startup" / "rootCA.pem"


@dataclass(frozen=True)
class Project:
    """A set of kits of one project: all of them or only some. Kits are sorted: server, relays, clients, admins."""

    name: str
    kits: tuple[Kit, ...]
