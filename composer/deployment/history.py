"""What was changed in a deployment, when, by whom, and how it ended: one line of JSON for each change.

It holds names, versions and digests, and no value of anybody's environment, key or PIN. A line that cannot be written
is left out: a full disk must not keep anybody from ``composer down``.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import pwd
import shlex
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from composer import __version__
from composer.deployment.image_record import ImageRecord, RecordedImage
from composer.deployment.layout import HISTORY
from composer.deployment.manifest import Manifest
from composer.model.errors import ComposerError

_FILE = "changes.jsonl"
# Of the end of the file, that much is read.
_MOST = 4 * 2**20


@dataclass(frozen=True)
class Change:
    """One change; the fields are those of ``composer history --json``.

    Attributes:
        at: When it began.
        seconds: How long it took.
        by: The account, and whose it was before sudo.
        machine: On which machine composer ran.
        command: What was typed, or the function that a program called.
        composer: The version.
        ended: ``done``, ``interrupted``, or what went wrong.
        started: Who was to be started.
        restarted: Who was to be started anew, and why.
        stopped: Who was to be stopped, or was.
        participants: Of all of these: the host, the release of NVFLARE, the image's ID where there is one, the end of
            the certificate.
    """

    at: datetime
    seconds: float
    by: str
    machine: str
    command: str
    composer: str
    ended: str
    started: tuple[str, ...] = ()
    restarted: Mapping[str, str] = field(default_factory=dict)
    stopped: tuple[str, ...] = ()
    participants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass
class Deeds:
    """What is done to whom, as far as it is known."""

    started: Sequence[str] = ()
    restarted: Mapping[str, str] = field(default_factory=dict)
    stopped: Sequence[str] = ()

    @property
    def names(self) -> frozenset[str]:
        """To whom anything is done."""
        return frozenset((*self.started, *self.restarted, *self.stopped))


@contextlib.contextmanager
def recorded(deployment: Path, verb: str, manifest: Manifest) -> Iterator[Deeds]:
    """Record what the block says that it does, however it ends; nothing where nothing is done.

    Args:
        deployment: The deployment folder.
        verb: The function that is called, where no command was typed.
        manifest: Of all to whom something may be done.
    """
    at, began, deeds = datetime.now(timezone.utc), time.monotonic(), Deeds()
    ended = "interrupted"
    try:
        yield deeds
        ended = "done" if deeds.names else ""
    except ComposerError as error:
        ended = error.message.split("\n", 1)[0]
        raise
    finally:
        if ended:
            change = Change(
                at,
                round(time.monotonic() - began, 1),
                _account(),
                platform.node(),
                _typed(verb),
                __version__,
                ended,
                tuple(deeds.started),
                deeds.restarted,
                tuple(deeds.stopped),
                _details(deployment, deeds.names, manifest),
            )
            with contextlib.suppress(OSError):
                _append(deployment / HISTORY, change)


def read_history(deployment: Path) -> tuple[Change, ...]:
    """Return the changes that are known, the oldest first; of a very long history, the last ones alone.

    Lines that make no sense, such as one that was cut by a power cut, are left out.
    """
    try:
        with (deployment / HISTORY / _FILE).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - _MOST, 0))
            lines = file.read(_MOST).splitlines()
    except OSError:
        return ()
    return tuple(change for line in lines if (change := _parse(line)))


def _parse(line: bytes) -> Change | None:
    try:
        document = json.loads(line)
        words = {name: str(document[name]) for name in ("by", "machine", "command", "composer", "ended")}
        return Change(
            at=datetime.fromisoformat(document["at"]),
            seconds=float(document["seconds"]),
            **words,
            started=tuple(map(str, document["started"])),
            restarted={str(name): str(why) for name, why in document["restarted"].items()},
            stopped=tuple(map(str, document["stopped"])),
            participants={str(name): dict(details) for name, details in document["participants"].items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _append(folder: Path, change: Change) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    text = json.dumps({**asdict(change), "at": change.at.isoformat()}) + "\n"
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(folder / _FILE, flags, 0o600), "r+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        # A line that a power cut has cut must not spoil the next.
        cut = end > 0 and os.pread(file.fileno(), 1, end - 1) != b"\n"
        file.write(b"\n" * cut + text.encode())


def _account() -> str:
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return f"{name} (sudo by {os.environ['SUDO_USER']})" if os.environ.get("SUDO_USER") else name


def _typed(verb: str) -> str:
    program = Path(sys.argv[0])
    typed = program.name in ("composer", "flare-composer") or program.parent.name in ("composer", "flare_composer")
    return shlex.join(["composer", *sys.argv[1:]]) if typed else f"{verb}() of the Python API"


def _details(deployment: Path, names: Collection[str], manifest: Manifest) -> dict[str, dict[str, str]]:
    images: dict[str, Mapping[str, RecordedImage]] = {}
    details = {}
    for one in manifest.only(names).participants:
        if one.host not in images:
            images[one.host] = _images(deployment, one.host)
        image = images[one.host].get(one.image)
        details[one.name] = {
            "host": one.host,
            "nvflare": one.nvflare,
            **({"image": image.digest or image.id} if image else {}),
            "certificate_ends": f"{one.certificate_not_after:%Y-%m-%d}",
        }
    return details


def _images(deployment: Path, host: str) -> Mapping[str, RecordedImage]:
    try:
        return ImageRecord(deployment, host).read()
    except ComposerError:
        # Whoever needs it says so.
        return {}
