"""What a check looks at, what it is told, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from composer.kits.certificates import certificates_in
from composer.kits.folder import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from cryptography import x509

    from composer.kits.facts import Facts
    from composer.model.kinds import Severity


@dataclass(frozen=True)
class MachineLimits:
    """What this machine has for all who run on it; 0: unknown, or no limit.

    Attributes:
        memory: Bytes.
        threads: How many the kernel and the user's limits allow.
        open_files: How many a process may open that composer starts itself.
    """

    memory: int = 0
    threads: int = 0
    open_files: int = 0


@dataclass(frozen=True)
class Room:
    """Where kits are to run and what they get there, as far as composer.yml and this machine say.

    Attributes:
        starts: Whether the command is about to start them.
        hosts: Who is to run on which other host; whoever is not in it runs here.
        max_num_clients: How many sites the server is to take; None: what its kit says.
        shm_sizes: Bytes of ``/dev/shm`` by participant.
        memories: The most bytes of memory that it may take, by participant; who is not in it may take all.
        machine: This one.
    """

    starts: bool = False
    hosts: Mapping[str, str] = field(default_factory=dict)
    max_num_clients: int | None = None
    shm_sizes: Mapping[str, int] = field(default_factory=dict)
    memories: Mapping[str, int] = field(default_factory=dict)
    machine: MachineLimits = field(default_factory=MachineLimits)


@dataclass(frozen=True)
class CheckOptions:
    """What the user decides about checks.

    Attributes:
        now: The time that certificates are judged by, with its time zone.
        warn_days: Warn when a certificate ends in fewer days. None: in fewer than 30, or in its last third.
        ignore: Ids whose findings are left out.
        root_fingerprint: SHA-256, in hex, that the authority's certificate must have; empty: any.
        overlays: The folders that a site lays over its kit's ``local``, by participant.
        room: Where the kits are to run.
    """

    now: datetime
    warn_days: int | None = None
    ignore: frozenset[str] = frozenset()
    root_fingerprint: str = ""
    overlays: Mapping[str, Path] = field(default_factory=dict)
    room: Room = field(default_factory=Room)


@dataclass(frozen=True)
class Subject:
    """A kit under examination.

    Attributes:
        facts: All that could be read of it.
        shown: The path that the user knows it by.
        from_archive: Whether it was unpacked, so that the folder's name is composer's own.
        spoiled: Files of it that an earlier check found an error in: what follows from that is not said again.
    """

    facts: Facts
    shown: Path
    from_archive: bool = False
    spoiled: frozenset[str] = field(default=frozenset())

    @property
    def certificate_file(self) -> str:
        """The relative path of its certificate."""
        return f"startup/{self.facts.stem}.crt"

    @property
    def role_file(self) -> str:
        """The relative path of its ``fed_*.json``."""
        return f"startup/fed_{self.facts.type}.json"

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Its certificates and keys: its own, and the one that a relay or a ``listening_host`` serves with."""
        if self.facts.type is None:
            return ()
        own = (self.certificate_file, f"startup/{self.facts.stem}.key")
        served = ("startup/server.crt", "startup/server.key")
        if own == served or not any(name in self.facts.folder.entries for name in served):
            return (own,)
        return own, served

    def chain(self, certificate_file: str) -> tuple[x509.Certificate, ...]:
        """The certificates in one of its files; empty where they cannot be read."""
        if certificate_file == self.certificate_file:
            return self.facts.chain
        try:
            return certificates_in(self.facts.folder, certificate_file)
        except UnreadableError:
            return ()


@dataclass(frozen=True)
class Problem:
    """What a check says of one kit: the finding without the check's id, and the files that it is about."""

    message: str
    fix: str
    files: tuple[str, ...] = ()
    severity: Severity = "error"


@dataclass(frozen=True)
class Check:
    """One thing that is looked at; either kit by kit or across all kits that were given.

    Attributes:
        id: As users know it, for ``--ignore`` and in the table of docs/checks.md.
        asks: What must hold, one line.
        of_kit: Looks at one kit.
        of_set: Looks at all; says which of them each problem is about by its index.
    """

    id: str
    asks: str
    of_kit: Callable[[Subject, CheckOptions], Iterable[Problem]] | None = None
    of_set: Callable[[Sequence[Subject], CheckOptions], Iterable[tuple[int, Problem]]] | None = None
