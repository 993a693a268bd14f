"""The nouns of composer: frozen values without behaviour that touches the world.

They are written in the order in which data flows: kits are loaded into a :class:`Project`, which together
with a :class:`Definition` is resolved into a :class:`Federation`, which is rendered into
:class:`GeneratedFile` values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Literal

ParticipantType = Literal["server", "client", "admin", "relay"]
Severity = Literal["error", "warning"]
Network = Literal["host", "bridge"]
RuntimeName = Literal["docker", "process"]
Built = Literal["here", "remote"]
LOCAL = "local"


# --- load -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Owner:
    """Whom a file belongs to: numeric user and group."""

    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


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
        scheme: How participants reporter: ``http``, ``grpc`` or ``tcp``.
        connection_security: ``mtls``, ``tls`` or ``clear``.
        connects_to: What it dials, the parent first.
        listens_on: What others dial; the server's own address first.
        launch: How it is started; None for an admin, who is a person at a console.
        certificate: Its own.
        root_fingerprint: SHA-256 in hex of the certificate of the authority that it trusts.
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


@dataclass(frozen=True)
class Finding:
    """One thing that a check found: its id (checklists of the README), what is wrong and what to do."""

    id: str
    severity: Severity
    kit: str
    message: str
    fix: str


# --- resolve ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wheelhouse:
    """A folder of wheels that stands for the package index: ``image`` brings it into builds, once for all."""

    folder: Path
    image: str
    has_pip: bool = False


@dataclass(frozen=True)
class Image:
    """What goes into a participant's image. Paths are absolute; texts are file contents.

    ``requirements`` is all that is asked of pip, NVFLARE itself included; ``lock`` is what that once came to,
    each package with its version and hashes; empty as long as nobody has found out. ``pythons`` are the oldest and
    the newest that NVFLARE runs on, where the base image's name does not tell that it has one of them. ``registry`` is
    where it is pulled from instead of being built; empty: nowhere. ``elsewhere`` says that another machine builds it,
    where a proxy's certificate and a pip configuration may be given, or not. ``build_network`` is "host" where the
    steps of a build are to be on the host's network.
    """

    tag: str
    base: str
    nvflare: str
    packages: tuple[str, ...] = ()
    requirements: str = ""
    lock: str = ""
    pip_options: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    wheels: Wheelhouse | None = None
    ca_bundle: Path | None = None
    pip_config: Path | None = None
    pythons: tuple[tuple[int, int], tuple[int, int]] | None = None
    registry: str = ""
    elsewhere: bool = False
    build_network: str = ""


@dataclass(frozen=True)
class Mount:
    """A folder or file of the host (absolute) and where a participant sees it."""

    source: Path
    target: str
    read_only: bool = True


@dataclass(frozen=True)
class HostEntry:
    """One line of /etc/hosts."""

    name: str
    address: str


@dataclass(frozen=True)
class Host:
    """A machine that participants run on, other than this one.

    Attributes:
        name: How the definition calls it.
        address: The IP address under which the other hosts find it.
        endpoint: How Docker reaches its engine, ``ssh://...`` or ``context://...``.
        path: The folder there that holds the kits, workspaces and job store of this federation (absolute).
        build: Where the images of its participants are built: on this machine, or by its own engine.
    """

    name: str
    address: str
    endpoint: str
    path: PurePosixPath
    build: Built = "here"

    def is_place_of(self, other: Host) -> bool:
        """Tell whether both lead to the same folder, whatever else is said of it."""
        return (self.name, self.endpoint, self.path) == (other.name, other.endpoint, other.path)


@dataclass(frozen=True)
class Participant:
    """A participant with every default filled in, ready to be rendered.

    ``local_files`` is empty unless the site overlays its kit's ``local`` folder; then it is the merged copy.
    ``ports`` are those that it opens on its host; ``host`` is that host's name, LOCAL where it is this machine.
    ``aliases`` are the names under which others on a bridge network know it; empty with host networking.
    ``after`` are the services beside it that it dials, and so starts after.
    """

    kit: Kit
    service: str
    image: Image
    user: Owner
    host_entries: tuple[HostEntry, ...]
    ports: tuple[int, ...] = ()
    aliases: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    data: tuple[Mount, ...] = ()
    local_files: tuple[GeneratedFile, ...] = ()
    gpus: str | tuple[str, ...] = ()
    shm_size: str = ""
    host: str = LOCAL

    @property
    def name(self) -> str:
        """Its identity."""
        return self.kit.name

    @property
    def type(self) -> ParticipantType:
        """What kind of participant it is."""
        return self.kit.type


@dataclass(frozen=True)
class Federation:
    """One server and its sites: what is to run, completely resolved.

    ``publish`` is the address of the host on which a bridge network's ports are published; empty with host
    networking.
    ``elsewhere`` names those who are on hosts that composer does not go to, and are in no other way part of this.
    """

    name: str
    compose_project: str
    deployment: Path
    network: Network
    participants: tuple[Participant, ...]
    hosts: tuple[Host, ...] = ()
    publish: str = ""
    runtime: RuntimeName = "docker"
    elsewhere: tuple[str, ...] = ()

    @property
    def started(self) -> tuple[Participant, ...]:
        """Those that ``up`` starts: all but the admins."""
        return tuple(p for p in self.participants if p.type != "admin")

    @property
    def admins(self) -> tuple[Participant, ...]:
        """Those that a person runs when needed."""
        return tuple(p for p in self.participants if p.type == "admin")

    @property
    def server(self) -> Participant | None:
        """The server, where its kit is in this set."""
        return next((p for p in self.participants if p.type == "server"), None)

    def on(self, host: str) -> Federation:
        """Return the same with the participants of one host alone."""
        return replace(self, participants=tuple(p for p in self.participants if p.host == host))


# --- render and write -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GeneratedFile:
    """A file of the deployment folder: its path below it, its content and its mode."""

    path: PurePosixPath
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True)
class Rendering:
    """All that generate writes. ``folders`` are made (0700) where they are missing and never emptied."""

    files: tuple[GeneratedFile, ...]
    folders: tuple[tuple[PurePosixPath, Owner], ...]


# --- run --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Command:
    """A process to run: argv as data. ``environment`` is laid over the caller's own; None takes a name away."""

    argv: tuple[str, ...]
    environment: tuple[tuple[str, str | None], ...] = ()
    folder: Path | None = None
