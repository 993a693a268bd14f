"""CHAIN, KEY-MATCH and VALID: the authority certified it, the key fits, and the time is right."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from composer.kits.certificates import (
    MALFORMED,
    certificates_in,
    certified_key,
    describe,
    is_rsa,
    may_authenticate,
    why_no_authority,
    why_not_issued,
)
from composer.kits.checks.subject import Check, CheckOptions, Problem, Subject
from composer.kits.facts import ROOT
from composer.kits.folder import UnreadableError
from composer.kits.keys import public_key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509

_AGAIN = "ask for the kit again, from whoever provisioned the project"
_WARN_DAYS = 30


def _chain(subject: Subject, options: CheckOptions) -> Iterator[Problem]:
    root = subject.facts.root
    for trouble in subject.facts.troubles:
        if trouble.check == "CHAIN":
            yield Problem(trouble.reason, trouble.fix, (trouble.file,))
    if root and options.root_fingerprint and subject.facts.root_fingerprint != options.root_fingerprint:
        yield Problem(
            f"its authority is {subject.facts.root_fingerprint}, not the one expected",
            "ask whoever provisioned the project for the fingerprint of rootCA.pem, and do not run the kit until then",
            (ROOT,),
        )
        return
    if root and why_no_authority(root[0]):
        yield Problem(f"{ROOT} is no authority's certificate: {why_no_authority(root[0])}", _AGAIN, (ROOT,))
        return
    for file, _ in subject.pairs:
        yield from _of_file(subject, file, root)


def _of_file(subject: Subject, file: str, root: tuple[x509.Certificate, ...]) -> Iterator[Problem]:
    if file != subject.certificate_file:
        try:
            certificates_in(subject.facts.folder, file)
        except UnreadableError as trouble:
            if trouble.check == "CHAIN":
                yield Problem(trouble.reason, trouble.fix, (file,))
            return
    chain = subject.chain(file)
    if not chain or not root:
        return
    reason = _why_not_certified(chain, root)
    if reason:
        yield Problem(f"{file} is not certified by {ROOT}: {reason}", _AGAIN, (file, ROOT))
        return
    server = file == "startup/server.crt"
    if not _usable(chain[0], server=server):
        yield Problem(f"{file} may not be used as a {'server' if server else 'client'}'s", _AGAIN, (file,))


def _why_not_certified(chain: tuple[x509.Certificate, ...], root: tuple[x509.Certificate, ...]) -> str:
    leaf, *between = chain
    if not why_not_issued(leaf, root[0]):
        return ""
    for issuer in between:
        if why_not_issued(leaf, issuer):
            return "the certificates in it do not follow from one another"
        leaf = issuer
    return why_not_issued(leaf, root[0])


def _usable(leaf: x509.Certificate, *, server: bool) -> bool:
    try:
        return may_authenticate(leaf, server=server)
    except MALFORMED:
        return False


def _key_match(subject: Subject, options: CheckOptions) -> Iterator[Problem]:
    del options
    for certificate_file, key_file in subject.pairs:
        chain = subject.chain(certificate_file)
        try:
            public = public_key_of(subject.facts.folder, key_file)
        except UnreadableError as trouble:
            if trouble.check == "KEY-MATCH":
                fits = not chain or is_rsa(chain[0])
                yield Problem(trouble.reason, trouble.fix, (key_file,) if fits else (key_file, certificate_file))
            continue
        if chain and certificate_file not in subject.spoiled and certified_key(chain[0]) != public:
            yield Problem(
                f"{key_file} is not the key of {certificate_file}",
                "ask for the kit again: the two come from different kits",
                (certificate_file, key_file),
            )


def _valid(subject: Subject, options: CheckOptions) -> Iterator[Problem]:
    chains = [(file, subject.chain(file)) for file, _ in subject.pairs]
    problems = [
        problem
        for file, chain in (*chains, (ROOT, subject.facts.root))
        if chain
        for problem in _of_certificate(file, chain[0], options)
    ]
    # Root and leaves end together as a rule: one finding says it.
    yield from sorted(problems, key=lambda problem: problem.severity)[:1]


def _of_certificate(file: str, certificate: x509.Certificate, options: CheckOptions) -> Iterator[Problem]:
    described, now = describe(certificate), options.now
    begins, ends = described.not_before, described.not_after
    if now < begins:
        yield Problem(
            f"{file} is not yet valid: it begins at {begins:%Y-%m-%d %H:%M} UTC, {_span(begins - now)} from now",
            "set this machine's clock (is it synchronised?), or wait",
            (file,),
        )
    elif now > ends:
        yield Problem(
            f"{file} expired on {ends:%Y-%m-%d} ({_span(now - ends)} ago)", "provision the project again", (file,)
        )
    elif _ends_soon(described.not_after - now, ends - begins, options.warn_days):
        message = f"{file} expires on {ends:%Y-%m-%d}, in {_span(ends - now)}"
        yield Problem(message, "provision the project again in good time", (file,), "warning")


def _ends_soon(left: timedelta, life: timedelta, warn_days: int | None) -> bool:
    if warn_days is not None:
        return left < timedelta(days=warn_days)
    return left < timedelta(days=_WARN_DAYS) or left < life / 3


def _span(span: timedelta) -> str:
    if span >= timedelta(days=2):
        return f"{span.days} days"
    minutes = math.ceil(span.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


CHAIN = Check("CHAIN", "the project's authority certified it", of_kit=_chain)
KEY_MATCH = Check("KEY-MATCH", "the private key is the one of the certificate", of_kit=_key_match)
VALID = Check("VALID", "the certificates are valid now and for a while", of_kit=_valid)
