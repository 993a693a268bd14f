"""LISTENER: a kit opens no port for its own jobs to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from composer.kits.checks.subject import Check, CheckOptions, Problem, Subject
from composer.kits.folder import UnreadableError
from composer.kits.internal import COMM_CONFIG, is_for_own_jobs, is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FILE = str(COMM_CONFIG)


def _listener(subject: Subject, options: CheckOptions) -> Iterator[Problem]:
    del options
    folder, releases = subject.facts.folder, subject.facts.releases
    if not folder.has(_FILE) or not releases:
        return
    try:
        document = folder.document(_FILE)
    except UnreadableError:
        return
    for name in ("internal", "adhoc") if document.get("allow_adhoc_conns") else ("internal",):
        section = document.get(name)
        if not isinstance(section, dict) or (name == "internal" and is_for_own_jobs(section)):
            continue
        resources = section.get("resources")
        known: dict[str, Any] = resources if isinstance(resources, dict) else {}
        asks = str(known.get("connection_security", "clear")).lower() == "mtls"
        if not (asks and releases[0] not in _DEAF) and not _on_loopback(releases[0], known):
            port = known.get("port")
            where = f"port {port}" if isinstance(port, int) else "a port"
            yield Problem(
                f"{_FILE} opens {where} to the network ({name}) without asking for a certificate: whoever reaches it "
                "commands this participant and reads its private key",
                f"take {name} out of it, or write connection_security: mtls into its resources",
                (_FILE,),
                "warning" if name == "internal" and _made_to_listen(subject) else "error",
            )


def _made_to_listen(subject: Subject) -> bool:
    """Whether NVFLARE provisioned it to listen for others (a relay, a ``listening_host``): with a server's key pair."""
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


LISTENER = Check("LISTENER", "no port for its own jobs without mTLS, but on loopback", of_kit=_listener)
