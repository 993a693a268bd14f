"""Looks at the network from this machine: is a port free, and who answers on it. Opens no session with NVFLARE."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from composer.system.foreign_text import escape_line
from composer.system.listening import listening_sockets

_FAMILIES = ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"))  # noqa: S104 - as NVFLARE binds
Opener = Literal["process", "container", "engine"]


@dataclass(frozen=True)
class Identity:
    """What a participant shows on TLS: paths of its certificate and key, and of the root that it trusts."""

    certificate: Path
    key: Path
    root: Path


@dataclass(frozen=True)
class PortTrouble:
    """Why a port cannot be opened: ``cause`` goes on from the port's name, ``hint`` is what to do about it."""

    cause: str
    hint: str


def port_trouble(port: int, address: str = "", opener: Opener = "process") -> PortTrouble | None:
    """Return why ``port`` cannot be opened, or None when it can.

    gRPC shares a busy port silently, and NVFLARE's other drivers retry for ever. So this binds without
    SO_REUSEPORT; with SO_REUSEADDR, which on Linux never shares a port that is listened on, but does not
    mistake the remains of closed connections (TIME_WAIT, a minute after every ``down``) for a listener.

    Args:
        port: The port.
        address: Where it is to be opened; without one, on all addresses of both families.
        opener: Who is to open it: a process of this user, a container on the host's network, which has no
            capabilities whoever starts it, or the engine, which has the rights of root.
    """
    if opener == "container" and port < (first := _first_free_for_all()):
        return _reserved(port, first, "write network: bridge in composer.yml, ")
    chosen = [(socket.AF_INET6 if ":" in address else socket.AF_INET, address)] if address else _FAMILIES
    for family, place in chosen:
        refused = _refusal(family, place, port)
        # What this user may not try, another one may hold already.
        if refused == errno.EADDRINUSE or (refused == errno.EACCES and opener == "engine" and _sockets(port)):
            return _taken(port, "IPv6" if family == socket.AF_INET6 else "IPv4")
        if refused == errno.EACCES and opener != "engine":
            return _reserved(port, _first_free_for_all(), "")
        if refused == errno.EADDRNOTAVAIL and address:
            return PortTrouble(
                f"cannot be opened on {address}: this machine has no such address",
                "write one that it has as publish in composer.yml (ip address shows them), or leave publish out",
            )
    return None


def _refusal(family: socket.AddressFamily, place: str, port: int) -> int | None:
    """Return the error with which the system refuses to open a port; None where it does not, or lacks the family."""
    try:
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return None
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            listener.bind((place, port))
            listener.listen(1)
        except OSError as error:
            return error.errno
    return None


def _taken(port: int, family: str) -> PortTrouble:
    holder = holder_of(port)
    return PortTrouble(
        f"is taken on {family}{f' by {holder}' if holder else ''}",
        f"see by whom with: ss -ltnp 'sport = :{port}', and stop that",
    )


def _reserved(port: int, first: int, way: str) -> PortTrouble:
    return PortTrouble(
        f"is one of those below {first}, which only root may open on this machine, and participants have no such right",
        f"provision the kits with a port from {first} on, {way}or open it to all: "
        f"sysctl -w net.ipv4.ip_unprivileged_port_start={port}",
    )


def _first_free_for_all() -> int:
    """Return the first port that takes no right to open; the kernel's own default where it does not say."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        return 1024


def holder_of(port: int) -> str:
    """Return the process that listens on ``port``, as far as this user may see it; empty where not."""
    return next(iter(_holders(_sockets(port))), "")


def holders_of(port: int) -> tuple[str, ...]:
    """Return the processes that listen on ``port``, as far as this user may see them; none where one socket does."""
    sockets = _sockets(port)
    return tuple(_holders(sockets)) if len(sockets) > 1 else ()


def _sockets(port: int) -> set[str]:
    """Return the sockets that listen on a port, as /proc/PID/fd names them."""
    return {f"socket:[{inode}]" for inode in listening_sockets(port)}


def _holders(sockets: Collection[str]) -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*") if sockets else ():
        try:
            if any(str(link.readlink()) in sockets for link in (process / "fd").iterdir()):
                name = (process / "comm").read_bytes().decode("utf-8", "replace").removesuffix("\n")
                yield f"{escape_line(name)} (process {process.name})"
        except OSError:
            continue


def is_own_address(address: str) -> bool:
    """Tell whether an IP address, or what a name resolves to, is one of this machine's."""
    for one in resolved(address):
        try:
            with socket.socket(socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((one, 0))
        except OSError:
            continue
        return True
    return False


def resolved(name: str) -> tuple[str, ...]:
    """Return the addresses to which a name resolves on this machine; none where it does not."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def shake_hands(address: str, port: int, identity: Identity, security: str, timeout: float = 2.0) -> str:
    """Connect as ``identity`` and return the common name that the other side proves.

    Args:
        address: IP address or name to connect to.
        port: Its port.
        identity: Whom to connect as.
        security: The kit's ``connection_security``; with ``clear`` there is no identity to prove and the
            name comes back empty.
        timeout: Seconds for the connection and for the handshake.

    Raises:
        OSError: Nobody listens, or the handshake failed; ``ssl.SSLError`` is a branch of it.
    """
    with socket.create_connection((address, port), timeout=timeout) as connection:
        if security == "clear":
            return ""
        context = ssl.create_default_context(cafile=str(identity.root))
        # Certificates of NVFLARE 2.6 and older lack key identifiers, which Python 3.13 demands and NVFLARE does not.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        # The identity is the common name, as for NVFLARE; the names are aliases that /etc/hosts may move.
        context.check_hostname = False
        if security == "mtls":
            context.load_cert_chain(identity.certificate, identity.key)
        with context.wrap_socket(connection) as encrypted:
            peer = encrypted.getpeercert() or {}
    subject = cast(tuple[tuple[tuple[str, str], ...], ...], peer.get("subject", ()))
    return next((value for relative in subject for name, value in relative if name == "commonName"), "")


def explain(error: OSError) -> str:
    """Return which of name, route, port or TLS keeps a connection from being made."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: the server's certificate does not verify ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    if isinstance(error, socket.gaierror):
        return "name: it does not resolve"
    if isinstance(error, ConnectionRefusedError):
        return "port: nobody listens on it"
    if isinstance(error, TimeoutError):
        return "route: no answer"
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return "route: there is none"
    return error.strerror or str(error)
