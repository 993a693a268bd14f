"""manifest.json: what a deployment folder was generated from and what runs in it. Pure: text in, text out.

It is what makes ``composer status``, ``logs`` and ``down`` work with nothing but the folder, and the ``files``
in it tell a user's edits from composer's own output.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, cast

from composer.model.errors import ComposerError
from composer.model.host import Host
from composer.model.kinds import LOCAL, ParticipantType, RuntimeName

MANIFEST = "manifest.json"
_FORMAT = 1


@dataclass(frozen=True)
class DeployedParticipant:
    """A participant of a deployment folder, with what is needed to run and to watch it.

    ``address`` and ``port`` are where it is reached (a server) or whom it dials (the others); ``security`` is
    the kit's ``connection_security``; ``identity`` is who must answer there. ``inputs`` is the hash that its
    image must carry; ``certificate_not_after`` is when its certificate ends, or its root's if that is earlier;
    ``host`` is where it runs; ``registry`` is where its image is pulled from, if from anywhere.
    """

    name: str
    type: ParticipantType
    service: str
    kit: Path
    host_name: str
    address: str
    port: int
    identity: str
    security: str
    listens: tuple[int, ...]
    image: str
    inputs: str
    nvflare: str
    release: str
    root_fingerprint: str
    certificate_not_after: datetime
    host: str = LOCAL
    registry: str = ""


@dataclass(frozen=True)
class Manifest:
    """The whole of manifest.json. Paths are absolute; ``files`` maps a path below the folder to its SHA-256.

    ``publish`` is the address on which ports are published; empty with host networking. ``left`` are hosts that an
    earlier generation had and this one has not, and on which something may still run.
    """

    composer: str
    federation: str
    compose_project: str
    kits: tuple[Path, ...]
    definition: Path | None
    participants: tuple[DeployedParticipant, ...]
    files: Mapping[str, str]
    hosts: tuple[Host, ...] = ()
    publish: str = ""
    runtime: RuntimeName = "docker"
    left: tuple[Host, ...] = ()

    def on(self, host: str) -> Manifest:
        """Return what it says of one host's participants alone."""
        there = tuple(p for p in self.participants if p.host == host)
        return replace(self, participants=there, hosts=(), runtime=self.runtime_on(host))

    def runtime_on(self, host: str) -> RuntimeName:
        """Return how the participants on a host run."""
        return next((one.runtime for one in self.hosts if one.name == host), self.runtime)

    def run_as(self, runtime: RuntimeName) -> Manifest:
        """Return what it says of those participants alone that run so, wherever they do."""
        return replace(self, participants=tuple(p for p in self.participants if self.runtime_on(p.host) == runtime))

    @property
    def runtimes(self) -> tuple[RuntimeName, ...]:
        """How participants run, each way once."""
        return tuple(dict.fromkeys(self.runtime_on(one.host) for one in self.participants))

    def only(self, names: Collection[str]) -> Manifest:
        """Return what it says of some participants alone."""
        return replace(self, participants=tuple(p for p in self.participants if p.name in names))

    @property
    def built_here(self) -> Manifest:
        """What it says of those alone whose images are built by this machine's engine, if by any."""
        builders = {host.name for host in self.hosts if host.build == "remote"}
        return replace(self, participants=tuple(p for p in self.participants if p.registry or p.host not in builders))

    @property
    def from_registry(self) -> Manifest:
        """What it says of those alone whose images `up` pulls."""
        return replace(self, participants=tuple(p for p in self.participants if p.registry))

    @property
    def from_build(self) -> Manifest:
        """What it says of those alone whose images `up` builds where that is needed."""
        return replace(self, participants=tuple(p for p in self.participants if not p.registry))

    def after(self, former: Manifest) -> Manifest:
        """Return it with the hosts that ``former`` had, or had not got away from, and this one has not."""
        gone = [host for host in (*former.left, *former.hosts) if not any(map(host.is_place_of, self.hosts))]
        left = [host for at, host in enumerate(gone) if not any(map(host.is_place_of, gone[:at]))]
        return replace(self, left=tuple(left))

    def participant(self, name: str) -> DeployedParticipant:
        """Return the participant with this name, which must be one of them."""
        return next(participant for participant in self.participants if participant.name == name)

    @property
    def started(self) -> tuple[DeployedParticipant, ...]:
        """Those that ``up`` starts: all but the admins."""
        return tuple(p for p in self.participants if p.type != "admin")

    @property
    def admins(self) -> tuple[DeployedParticipant, ...]:
        """Those that a person runs when needed."""
        return tuple(p for p in self.participants if p.type == "admin")


def dump_manifest(manifest: Manifest) -> str:
    """Return the text of manifest.json."""
    return json.dumps({"format": _FORMAT, **asdict(manifest)}, indent=2, default=_plain) + "\n"


def parse_manifest(text: str, path: Path) -> Manifest:
    """Return what manifest.json says.

    Args:
        text: Its content.
        path: Where it came from, for the error.

    Raises:
        ComposerError: It is not what composer writes.
    """
    try:
        document = json.loads(text)
        if document.pop("format") != _FORMAT:
            raise ValueError("format")
        document["participants"] = tuple(_participant(item) for item in document["participants"])
        for name in ("hosts", "left"):
            document[name] = tuple(_host(item) for item in document.get(name, ()))
        document["kits"] = tuple(Path(kit) for kit in document["kits"])
        document["definition"] = Path(document["definition"]) if document["definition"] else None
        document["files"] = {str(name): str(digest) for name, digest in document["files"].items()}
        return Manifest(**document)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ComposerError(
            f"{path} is damaged", "run composer generate --force KITS; workspaces and the job store stay"
        ) from error


def _host(item: Mapping[str, Any]) -> Host:
    values = {field.name: item[field.name] for field in fields(Host) if field.name in item}
    return Host(**{**values, "path": PurePosixPath(item["path"])})


def _participant(item: Mapping[str, Any]) -> DeployedParticipant:
    values = {field.name: item[field.name] for field in fields(DeployedParticipant) if field.name in item}
    values["kit"] = Path(values["kit"])
    values["listens"] = tuple(values["listens"])
    values["certificate_not_after"] = datetime.fromisoformat(values["certificate_not_after"])
    return DeployedParticipant(**values)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(cast(PurePosixPath, value))
