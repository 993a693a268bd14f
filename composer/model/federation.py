"""What is to run, with every default filled in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from composer.model.files import GeneratedFile, Owner
from composer.model.host import Host
from composer.model.kinds import LOCAL, Network, ParticipantType, RuntimeName
from composer.model.kit import Kit


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
    steps of a build are to be on the host's network. ``existing_environment`` is the folder of a Python environment of
    the user's own that has all of it, for plain processes; empty: composer makes one.
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
    existing_environment: str = ""


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
class Participant:
    """A participant with every default filled in, ready to be rendered.

    ``local_files`` is empty unless the site overlays its kit's ``local`` folder; then it is the merged copy.
    ``ports`` are those that it opens on its host; ``host`` is that host's name, LOCAL where it is this machine.
    ``aliases`` are the names under which others on a bridge network know it; empty with host networking.
    ``after`` are the services beside it that it dials, and so starts after. ``ulimits`` are names, each with its soft
    and its hard limit. ``private`` is the part of its environment whose values are shown nowhere.
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
    private: tuple[tuple[str, str], ...] = ()
    data: tuple[Mount, ...] = ()
    local_files: tuple[GeneratedFile, ...] = ()
    gpus: str | tuple[str, ...] = ()
    memory: str = ""
    cpus: str = ""
    shm_size: str = ""
    ulimits: tuple[tuple[str, int, int], ...] = ()
    tmp_on_disk: bool = False
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
class Elsewhere:
    """A participant on a host that composer does not go to, with that host's name and address."""

    kit: Kit
    host: str
    address: str


@dataclass(frozen=True)
class Federation:
    """One server and its sites: what is to run, completely resolved.

    ``publish`` is the address of the host on which a bridge network's ports are published; empty with host
    networking. ``runtime`` is how those on this machine run; other hosts say themselves how theirs do.
    ``elsewhere`` are those who are on hosts that composer does not go to, and are in no other way part of this.
    """

    name: str
    compose_project: str
    deployment: Path
    network: Network
    participants: tuple[Participant, ...]
    hosts: tuple[Host, ...] = ()
    publish: str = ""
    runtime: RuntimeName = "docker"
    elsewhere: tuple[Elsewhere, ...] = ()

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

    def runtime_on(self, host: str) -> RuntimeName:
        """Return how the participants on a host run."""
        return next((one.runtime for one in self.hosts if one.name == host), self.runtime)

    def run_as(self, runtime: RuntimeName) -> Federation:
        """Return the same with those participants alone that run so, wherever they do."""
        return replace(self, participants=tuple(p for p in self.participants if self.runtime_on(p.host) == runtime))

    @property
    def runtimes(self) -> tuple[RuntimeName, ...]:
        """How participants run, each way once."""
        return tuple(dict.fromkeys(self.runtime_on(one.host) for one in self.participants))

    def on(self, host: str) -> Federation:
        """Return the same with the participants of one host alone."""
        there = tuple(p for p in self.participants if p.host == host)
        return replace(self, participants=there, runtime=self.runtime_on(host))
