"""Whether kits are good, found out offline: every check is a small object, all run, none stops another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from composer.kits.checks.capacity import FILES, MAX_CLIENTS, MEMORY, PIDS, PORTS, SHM
from composer.kits.checks.form import FOREIGN, FORM, MODE, OWNER
from composer.kits.checks.identity import NAME, ORGANIZATION, PROJECT
from composer.kits.checks.listener import LISTENER, TLS
from composer.kits.checks.signature import SIGNATURE, signed_folders
from composer.kits.checks.subject import Check, CheckOptions, Problem, Subject
from composer.kits.checks.together import DUPLICATE, MIXED, NAMES
from composer.kits.checks.trust import CHAIN, KEY_MATCH, VALID
from composer.kits.facts import load_facts, settled
from composer.kits.sources import find_kits, folders_without_kit
from composer.model.errors import ComposerError
from composer.model.finding import Finding
from composer.system.foreign_text import escape_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from composer.model.kinds import ParticipantType

__all__ = ["CHECKS", "Check", "CheckOptions", "CheckReport", "CheckedKit", "check_kits"]

# An error found in a file keeps later checks from saying what follows from it: causes come before consequences.
CHECKS: tuple[Check, ...] = (
    FORM,
    MODE,
    OWNER,
    FOREIGN,
    CHAIN,
    KEY_MATCH,
    VALID,
    DUPLICATE,
    NAME,
    ORGANIZATION,
    PROJECT,
    MIXED,
    NAMES,
    SIGNATURE,
    LISTENER,
    TLS,
    MAX_CLIENTS,
    PORTS,
    MEMORY,
    SHM,
    PIDS,
    FILES,
)


@dataclass(frozen=True)
class CheckedKit:
    """A kit that was looked at; what could not be read is empty or None.

    ``signed`` are the folders of it that have a signature.
    """

    path: Path
    name: str
    type: ParticipantType | None
    release: str
    project: str
    certificate_not_after: datetime | None
    root_fingerprint: str
    signed: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckReport:
    """What :func:`check_kits` found, kits and findings in the order of the kits that were given."""

    kits: tuple[CheckedKit, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings are no errors."""
        return all(finding.severity != "error" for finding in self.findings)


def check_kits(
    paths: Sequence[Path], unpack_into: Path, options: CheckOptions, pin: Callable[[Path], str] | None = None
) -> CheckReport:
    """Look at kits with every check, one alone or many together.

    Args:
        paths: As for :func:`composer.kits.load_kits`.
        unpack_into: Where archives are unpacked.
        options: The time, thresholds and what to leave out.
        pin: Asked for the PIN of an archive that needs one.

    Returns:
        The kits and the findings. Nothing in it is key material.

    Raises:
        ComposerError: A path does not exist, is no kit or an archive that is refused; an id to ignore or the
            fingerprint is none.
    """
    options = replace(options, root_fingerprint=_fingerprint(options.root_fingerprint))
    unknown = sorted(options.ignore - {check.id for check in CHECKS})
    if unknown:
        known = ", ".join(check.id for check in CHECKS)
        raise ComposerError(f"there is no check {', '.join(unknown)}", f"the checks are {known}")
    sources = find_kits(paths, unpack_into, pin)
    facts = settled(tuple(load_facts(source.folder) for source in sources))
    subjects = [
        Subject(one, source.shown, source.archive is not None) for one, source in zip(facts, sources, strict=True)
    ]
    findings = (*_run(subjects, options), *_not_kits(paths, options))
    return CheckReport(tuple(_described(subject) for subject in subjects), findings)


def _run(subjects: list[Subject], options: CheckOptions) -> tuple[Finding, ...]:
    found: list[tuple[int, Finding]] = []
    for check in CHECKS:
        for index, problem in list(_problems(check, subjects, options)):
            subject = subjects[index]
            if problem.severity == "error":
                subjects[index] = replace(subject, spoiled=subject.spoiled.union(problem.files))
            if check.id not in options.ignore:
                texts = (escape_line(text) for text in (subject.facts.name, problem.message, problem.fix))
                found.append((index, Finding(check.id, problem.severity, *texts)))
    return tuple(finding for _, finding in sorted(found, key=lambda pair: pair[0]))


def _not_kits(paths: Sequence[Path], options: CheckOptions) -> Iterator[Finding]:
    """Name the folders that would be left out without a word."""
    for folder in folders_without_kit(paths) if FORM.id not in options.ignore else ():
        said = "this folder beside the kits has no startup/ in it: it is no kit, and is left out"
        fix = "copy the kit there again, all of it; or move the folder elsewhere"
        yield Finding(FORM.id, "warning", escape_line(folder.name), said, fix)


def _problems(check: Check, subjects: list[Subject], options: CheckOptions) -> Iterator[tuple[int, Problem]]:
    if check.of_kit is not None:
        for index, subject in enumerate(subjects):
            for problem in check.of_kit(subject, options):
                yield index, problem
    if check.of_set is not None:
        yield from check.of_set(subjects, options)


def _described(subject: Subject) -> CheckedKit:
    facts = subject.facts
    return CheckedKit(
        path=subject.shown,
        name=escape_line(facts.name),
        type=facts.type,
        release=facts.releases[0] if facts.releases else "",
        project=facts.wiring.project if facts.wiring else "",
        certificate_not_after=facts.certificate.not_after if facts.certificate else None,
        root_fingerprint=facts.root_fingerprint,
        signed=signed_folders(facts),
    )


def _fingerprint(given: str) -> str:
    """A SHA-256 fingerprint as openssl, nvflare and browsers write it, in the one form that is compared."""
    bare = "".join(given.rpartition("=")[2].split()).lower().removeprefix("sha256:").replace(":", "")
    if bare and (len(bare) != 64 or set(bare) - set("0123456789abcdef")):
        raise ComposerError(
            "the fingerprint is not a SHA-256 one: 64 hex digits",
            "`openssl x509 -in rootCA.pem -noout -fingerprint -sha256`",
        )
    return bare
