"""What lies on a host: the kits of its own participants and what Compose reads, and how it is brought up to date.

A host gets what its participants need and nothing of anybody else. What is there is known by its SHA-256, so that
only what differs is sent; what somebody changed there is told from what has changed here by the list of sums that
each delivery leaves behind.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from composer.deployment.layout import COMPOSE_FILE, OVERRIDE_FILE
from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.hosts.ssh import Connection, says_something_else
from composer.images.build_inputs import folder_files
from composer.model.errors import ComposerError, HostError
from composer.model.files import GeneratedFile, Owner
from composer.render.remote import HOSTS, USER_VARIABLES, host_folder
from composer.system.foreign_text import clean_line, clip, escape_line

_IDENTITY = ".deployment"
_LOOK_SECONDS = 30.0
_SEND_SECONDS = 120.0
# Bytes a second: a line that is slower is not waited for.
_SLOWEST = 20_000
_USER, _CLOCK = re.compile(r"user (\d{1,10}) (\d{1,10})", re.ASCII), re.compile(r"clock (\d{1,12})", re.ASCII)
_LISTENS = re.compile(r"listens (?:[0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})")
_FILE = re.compile(r"(found|recorded) ([0-9a-f]{64})  (?:\./)?(.+)")


@dataclass(frozen=True)
class Found:
    """What a look at a host has found.

    Attributes:
        user: Whom composer is there; the containers run as that user.
        behind: How many seconds its clock is behind the one here.
        files: The SHA-256 of each file that is there in the places of what composer delivers, by its path below the
            federation's folder.
        recorded: The SHA-256 that it had when it was delivered.
        listening: The TCP ports that somebody listens on there.
        otherwise: Who runs there in the deployment's folder in another way than the host's participants are to.
    """

    user: Owner
    behind: float
    files: Mapping[str, str]
    recorded: Mapping[str, str]
    listening: frozenset[int]
    otherwise: tuple[str, ...] = ()

    @property
    def tampered(self) -> tuple[str, ...]:
        """What is not as it was delivered."""
        return tuple(sorted(path for path, digest in self.recorded.items() if self.files.get(path) != digest))


def look(connection: Connection, timeout: float = _LOOK_SECONDS) -> Found:
    """Look at a host.

    Raises:
        HostError: It does not answer, or lacks something that is needed there.
    """
    began = time.time()
    host = connection.host
    answer = connection.script("look", str(host.path), host.runtime, timeout=timeout)
    now = (began + time.time()) / 2
    users, clocks, ports, others = [], [], set(), []
    files: dict[str, dict[str, str]] = {"found": {}, "recorded": {}}
    for line in answer.split("\n"):
        # Its login scripts may greet us; but a line that begins like ours is ours.
        if not line.startswith(("user ", "clock ", "listens ", "otherwise ", "found ", "recorded ")):
            continue
        if user := _USER.fullmatch(line):
            users.append(Owner(int(user[1]), int(user[2])))
        elif clock := _CLOCK.fullmatch(line):
            clocks.append(int(clock[1]))
        elif listens := _LISTENS.fullmatch(line):
            ports.add(int(listens[1], 16))
        elif line.startswith("otherwise "):
            others.append(clip(clean_line(line.removeprefix("otherwise ")), 100))
        elif file := _FILE.fullmatch(line):
            files[file[1]][file[3]] = file[2]
        else:
            raise says_something_else(host)
    if len(users) != 1 or len(clocks) != 1:
        raise says_something_else(host)
    return Found(users[0], now - clocks[0], files["found"], files["recorded"], frozenset(ports), tuple(others))


def files_for(deployment: Path, manifest: Manifest, host: str, user: Owner) -> dict[str, GeneratedFile]:
    """Return all that is to lie on a host, by its path below the federation's folder there.

    Args:
        deployment: The deployment folder here.
        manifest: What it says of itself.
        host: The host's name.
        user: Whom composer is there.

    Raises:
        ComposerError: A kit holds something that cannot be sent, or cannot be read.
    """
    folder = host_folder(deployment, host)
    files = [_identity(folder), *_written_for(folder, deployment, manifest), *_compose_files(folder, user)]
    for participant in manifest.on(host).participants:
        for part in ("startup", "local"):
            files += _below(participant.kit / part, PurePosixPath("kits", participant.service, part))
        overlay = deployment / "local" / participant.service
        if overlay.is_dir():
            files += _below(overlay, PurePosixPath("local", participant.service))
    return {str(file.path): file for file in files}


def is_of_another(found: Found, folder: Path) -> bool:
    """Tell whether another deployment has delivered what lies on a host; former composers have not said which.

    Args:
        found: What lies there.
        folder: The folder here that stands for that host in this deployment.
    """
    return _differs(found, _identity(folder))


def _differs(found: Found, identity: GeneratedFile) -> bool:
    return found.recorded.get(_IDENTITY) not in (None, digest(identity))


def _identity(folder: Path) -> GeneratedFile:
    # As the label of its containers.
    return GeneratedFile(PurePosixPath(_IDENTITY), f"{folder}\n".encode(), 0o600)


def keys_missing(participant: DeployedParticipant, found: Found) -> bool:
    """Tell whether a host has not got a participant's private keys yet.

    Where the kit is still to be unpacked, only a key's place says so: whether it is another key, its content will.
    """
    startup = participant.kit / "startup"
    if not startup.is_dir():
        return not any(
            path.startswith(f"kits/{participant.service}/") and path.endswith(".key") for path in found.files
        )
    there = set(found.files.values())
    return any(hashlib.sha256(path.read_bytes()).hexdigest() not in there for path in startup.glob("*.key"))


def private_keys(files: Mapping[str, GeneratedFile], found: Found) -> tuple[str, ...]:
    """Return the private keys among ``files`` that the host has not got yet."""
    there = set(found.files.values())
    return tuple(path for path, file in files.items() if path.endswith(".key") and digest(file) not in there)


def send(
    connection: Connection,
    files: Mapping[str, GeneratedFile],
    folders: tuple[str, ...],
    found: Found,
    kept: tuple[str, ...] = (),
) -> int:
    """Bring a host to ``files`` and return how many had to be sent.

    Of what was delivered before, the rest is removed; what the host has of its own stays.

    Args:
        connection: To the host.
        files: All that is to lie there.
        folders: Those that are to be there though nothing is delivered into them.
        found: What a look has found.
        kept: What begins so and was delivered before stays until the next delivery, too.

    Raises:
        HostError: It cannot be done; what was there before is still there.
    """
    if _IDENTITY in files and _differs(found, files[_IDENTITY]):
        raise HostError(
            f"{connection.host.name}: what is in {connection.host.path} was delivered by another deployment",
            f"end that one first, or name another folder in composer.yml, hosts.{connection.host.name}.path",
        )
    sums = {path: digest(file) for path, file in sorted(files.items())}
    changed = [path for path, value in sums.items() if found.files.get(path) != value]
    # Only what was delivered, and is as it was delivered, is composer's to delete.
    former = {path: value for path, value in found.recorded.items() if path not in sums}
    obsolete = sorted(
        path for path, value in former.items() if found.files.get(path) == value and not path.startswith(kept)
    )
    recorded = {**sums, **{path: value for path, value in former.items() if path.startswith(kept)}}
    for path in changed:
        if path in found.files and path not in found.recorded:
            raise HostError(
                f"{connection.host.name}: there is a {path} of that host's own in {connection.host.path}",
                f"move it away there, or name another folder in composer.yml, hosts.{connection.host.name}.path",
            )
    if not changed and not obsolete and dict(found.recorded) == recorded:
        return 0
    lists = {
        "SHA256SUMS": _listed({path: sums[path] for path in changed}),
        "ALL": _listed(recorded),
        "OBSOLETE": "".join(f"{path}\n" for path in obsolete),
        "FOLDERS": "".join(f"{folder}\n" for folder in folders),
    }
    archive = _archive({path: files[path] for path in changed}, lists)
    timeout = _SEND_SECONDS + len(archive) / _SLOWEST
    connection.script("receive", str(connection.host.path), stdin=archive, timeout=timeout)
    return len(changed)


def remove(connection: Connection, warn: Callable[[str], None]) -> None:
    """Delete what was delivered to a host, with workspaces and job store; what it has of its own stays.

    Args:
        connection: To the host.
        warn: Told of what stays.

    Raises:
        HostError: It cannot be done, or composer has not made the folder.
    """
    for line in connection.script("remove", str(connection.host.path)).split("\n"):
        if line.startswith("left "):
            warn(f"{clip(escape_line(line[5:]), 200)} stays in {connection.host.path}: composer has not made it")


def folders_for(manifest: Manifest, host: str) -> tuple[str, ...]:
    """Return the folders of a host's participants that are there before anything runs."""
    folders = []
    for participant in manifest.on(host).participants:
        workspace = f"workspaces/{participant.service}"
        folders += [f"{workspace}/{name}" for name in ("startup", "local", "transfer")]
        folders += [f"kits/{participant.service}/{name}" for name in ("startup", "local")]
        folders += ["job-store"] if participant.type == "server" else []
    return tuple(folders)


def digest(file: GeneratedFile) -> str:
    """Return the SHA-256 (hex) of a file's content."""
    return hashlib.sha256(file.content).hexdigest()


def _written_for(folder: Path, deployment: Path, manifest: Manifest) -> Iterator[GeneratedFile]:
    """Yield what composer has written for a host, but the list of names, which is for people."""
    below = PurePosixPath(folder.relative_to(deployment))
    for name in manifest.files:
        path = PurePosixPath(name)
        if path.is_relative_to(below) and path != below / HOSTS:
            file = deployment / path
            mode = 0o700 if file.stat().st_mode & 0o100 else 0o600
            yield GeneratedFile(path.relative_to(below), file.read_bytes(), mode)


def _compose_files(folder: Path, user: Owner) -> Iterator[GeneratedFile]:
    """Yield what Compose reads besides, where it is used: the user's own override, and whom containers run as."""
    if not (folder / COMPOSE_FILE).is_file():
        return
    if (folder / OVERRIDE_FILE).is_file():
        yield GeneratedFile(PurePosixPath(OVERRIDE_FILE), (folder / OVERRIDE_FILE).read_bytes(), 0o600)
    values = dict(zip(USER_VARIABLES, (user.uid, user.gid), strict=True))
    text = "".join(f"{name}={value}\n" for name, value in values.items())
    yield GeneratedFile(PurePosixPath(".env"), text.encode(), 0o600)


def _below(folder: Path, there: PurePosixPath) -> Iterator[GeneratedFile]:
    for path, file in folder_files(folder):
        if not str(path).isprintable() or "\\" in str(path):
            raise ComposerError(f"{folder} has a file named {str(path)!r}", "ask for the kit again")
        yield GeneratedFile(there / path, file.content, 0o700 if file.mode & 0o100 else 0o600)


def _listed(sums: Mapping[str, str]) -> str:
    return "".join(f"{value}  {path}\n" for path, value in sums.items())


def _archive(files: Mapping[str, GeneratedFile], lists: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, file in files.items():
            _add(archive, f"files/{path}", file.content, file.mode)
        for name, text in lists.items():
            _add(archive, name, text.encode(), 0o600)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(content), mode, time.time()
    archive.addfile(entry, io.BytesIO(content))
