"""LISTENER: neither a kit nor what a site lays over it opens a port for its own jobs to everybody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from composer.kits.checks.subject import Check, CheckOptions, Problem, Subject
from composer.kits.folder import LIMIT, TooLargeError, UnreadableError, read_file
from composer.kits.internal import COMM_CONFIG, is_for_own_jobs, is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_FILE = str(COMM_CONFIG)
_MTLS = "write connection_security: mtls into its resources"


def _listener(subject: Subject, options: CheckOptions) -> Iterator[Problem]:
    file, document, is_own = comm_config(subject, options)
    releases = subject.facts.releases
    if document is None or not releases:
        return
    for name in ("internal", "adhoc") if document.get("allow_adhoc_conns") else ("internal",):
        section = document.get(name)
        if not isinstance(section, dict) or (is_own and name == "internal" and is_for_own_jobs(section)):
            continue
        resources = section.get("resources")
        known: dict[str, Any] = resources if isinstance(resources, dict) else {}
        asks = str(known.get("connection_security", "clear")).lower() == "mtls"
        if not (asks and releases[0] not in _DEAF) and not _on_loopback(releases[0], known):
            port = known.get("port")
            where = f"port {port}" if isinstance(port, int) else "a port"
            opens = (
                f"{file} opens {where} to the network ({name}) without asking for a certificate: whoever reaches it "
            )
            yield _told(subject, opens, name)


def _told(subject: Subject, opens: str, name: str) -> Problem:
    """A relay does nothing that it is told to (nvflare/private/fed/app/relay/relay.py); servers and sites do."""
    if subject.facts.type == "relay":
        return Problem(f"{opens}can pose as a site behind it", _MTLS, (_FILE,), "warning")
    if _made_to_listen(subject):
        fix = "have it provisioned with listening_host: {connection_security: mtls}; or trust its network: --ignore"
        fix += " LISTENER"
    else:
        fix = f"take {name} out of it, or {_MTLS}"
    return Problem(f"{opens}commands this participant and reads its private key", fix, (_FILE,))


def comm_config(subject: Subject, options: CheckOptions) -> tuple[str, Mapping[str, Any] | None, bool]:
    """Return the file that NVFLARE will read, what is in it, and whether it is the kit's own: composer changes that."""
    folder = subject.facts.folder
    overlay = options.overlays.get(subject.facts.name)
    path = overlay / COMM_CONFIG.name if overlay else None
    try:
        if path and path.is_file():
            document = json.loads(read_file(path, LIMIT)[1])
            return str(path), document if isinstance(document, dict) else None, False
        return _FILE, folder.document(_FILE) if folder.has(_FILE) else None, True
    except (OSError, TooLargeError, UnreadableError, ValueError, RecursionError):
        # Who reads it next says what is wrong with it.
        return _FILE, None, True


def _made_to_listen(subject: Subject) -> bool:
    """Whether NVFLARE provisioned it to listen for others (``listening_host``): with a server's key pair."""
    own = subject.certificate_file
    return any(certificate != own and subject.chain(certificate) for certificate, _ in subject.pairs)


# What each release obeys was measured with a stranger at the port of a running site (docs/hardening.md).
_DEAF = ("2.4", "2.5")


def _on_loopback(release: str, resources: Mapping[str, Any]) -> bool:
    """Whether a listener is on loopback: until 2.6 never, in 2.7 and 2.8 by ``listen_host``, since 2.9 by ``host``."""
    if release in (*_DEAF, "2.6"):
        return False
    host = resources.get("listen_host")
    if host is None and release not in ("2.7", "2.8"):
        host = resources.get("host", "localhost")
    return is_loopback(host)


def _encrypted(subjects: Sequence[Subject], options: CheckOptions) -> Iterator[tuple[int, Problem]]:  # noqa: ARG001
    """Said once: it is a choice of the project, and all of its kits have it."""
    clear = [
        index
        for index, subject in enumerate(subjects)
        if subject.facts.wiring and subject.facts.wiring.connection_security == "clear"
    ]
    if clear:
        message = "connection_security is clear: whoever is on the way reads and changes models, tokens and commands"
        yield (
            clear[0],
            Problem(message, "provision with connection_security: mtls, or trust the network", (), "warning"),
        )


TLS = Check("TLS", "participants speak TLS with each other", of_set=_encrypted)
LISTENER = Check("LISTENER", "no port for its own jobs without mTLS, but on loopback", of_kit=_listener)
