"""Whom a participant dials and what it opens, from its kit's JSON files. The places differ by release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from composer.kits.folder import UnreadableError
from composer.model.kit import Connection, Listener
from composer.model.names import is_host

if TYPE_CHECKING:
    from composer.kits.folder import KitFolder
    from composer.model.kinds import ParticipantType

_AGAIN = "ask for the kit again: this one is not as NVFLARE writes it"
_COMM_CONFIG = "local/comm_config.json"
_RELAY = "local/relay__resources.json"


@dataclass(frozen=True)
class Wiring:
    """What a kit says about the network; the fields are those of :class:`composer.model.kit.Kit`."""

    project: str
    server_identity: str
    scheme: str
    connection_security: str
    connects_to: tuple[Connection, ...]
    listens_on: tuple[Listener, ...]


def wiring_of(folder: KitFolder, kind: ParticipantType, document: dict[str, Any], name: str) -> Wiring:
    """Read the network's side of a kit.

    Args:
        folder: The kit.
        kind: The participant's type.
        document: What its ``fed_*.json`` holds.
        name: The participant's name, which is the server's identity in the server's own kit.

    Raises:
        UnreadableError: A field is missing or is not what NVFLARE writes.
    """
    if kind == "server":
        return _of_server(folder, _Fields("startup/fed_server.json", document), name)
    if kind == "client":
        return _of_client(folder, _Fields("startup/fed_client.json", document))
    if kind == "relay":
        return _of_relay(folder, _Fields("startup/fed_relay.json", document))
    return _of_admin(_Fields("startup/fed_admin.json", document))


class _Fields:
    """Typed access to a JSON object; names the file and the field when it does not hold what it should."""

    def __init__(self, file: str, value: object, at: str = "") -> None:
        if not isinstance(value, dict):
            raise UnreadableError(f"{file}: {at or 'it'} is not an object", _AGAIN, file=file)
        self.file = file
        self.at = at
        self.value: dict[str, Any] = value

    def __contains__(self, key: str) -> bool:
        return key in self.value

    def below(self, key: str) -> _Fields:
        return _Fields(self.file, self.value.get(key), f"{self.at}.{key}".lstrip("."))

    def first(self, key: str) -> _Fields:
        found = self.value.get(key)
        if not isinstance(found, list) or len(found) != 1:
            raise UnreadableError(f"{self.file}: {key} does not hold one entry", _AGAIN, file=self.file)
        return _Fields(self.file, found[0], f"{key}[0]")

    def text(self, key: str, default: str | None = None) -> str:
        found = self.value.get(key, default)
        if not isinstance(found, str) or (default is None and not found):
            raise self.wrong(key, "a text")
        # All of it is rendered into YAML, shell and hosts lines later: no control character gets that far.
        if not found.isprintable() or len(found) > 255:
            raise self.wrong(key, "plain text of at most 255 characters")
        return found

    def host(self, key: str, default: str | None = None) -> str:
        found = self.text(key, default)
        if not is_host(found):
            raise self.wrong(key, "the name or address of a host")
        return found

    def port(self, key: str, default: int | None = None) -> int:
        found = self.value.get(key, default)
        if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= 65535:
            raise self.wrong(key, "a port number")
        return found

    def address(self, key: str) -> tuple[str, int]:
        host, _, port = self.text(key).rpartition(":")
        return self._checked(key, host, port)

    def end_point(self, key: str) -> tuple[str, int, int]:
        rest, _, admin_port = self.text(key).rpartition(":")
        host, _, port = rest.rpartition(":")
        return (*self._checked(key, host, port), self._checked(key, host, admin_port)[1])

    def wrong(self, key: str, wanted: str) -> UnreadableError:
        at = f"{self.at}.{key}".lstrip(".")
        return UnreadableError(f"{self.file}: {at} is not {wanted}", _AGAIN, file=self.file)

    def _checked(self, key: str, host: str, port: str) -> tuple[str, int]:
        if (
            not is_host(host)
            or not port.isascii()
            or not port.isdecimal()
            or len(port) > 5
            or not 0 < int(port) <= 65535
        ):
            raise self.wrong(key, "of the form host:port")
        return host, int(port)


def _of_server(folder: KitFolder, document: _Fields, name: str) -> Wiring:
    server = document.first("servers")
    service = server.below("service")
    host, port = service.address("target")
    listens_on = [Listener(host, port)]
    admin_port = server.port("admin_port", port)
    if admin_port != port:
        admin_host = server.host("admin_server", server.host("admin_host", host))
        listens_on.append(Listener(admin_host, admin_port))
    return Wiring(
        project=server.text("name"),
        server_identity=name,
        scheme=service.text("scheme", "grpc"),
        connection_security=_security(server),
        connects_to=(),
        listens_on=(*listens_on, *_listener(folder)),
    )


def _of_client(folder: KitFolder, document: _Fields) -> Wiring:
    server = document.first("servers")
    service = server.below("service")
    identity = server.text("identity", "")
    if "target" in service:
        host, port = service.address("target")
    else:
        host, port, _ = _overseer_end_point(document)
    connects_to = [Connection(identity, host, port)]
    if _RELAY in folder.entries:
        relay = _Fields(_RELAY, folder.document(_RELAY)).below("relay_config")
        connects_to.insert(0, Connection(_identity(relay), *relay.address("address")))
    return Wiring(
        project=server.text("name"),
        server_identity=identity,
        scheme=service.text("scheme", "grpc"),
        connection_security=_security(document.below("client")),
        connects_to=tuple(connects_to),
        listens_on=_listener(folder),
    )


def _of_relay(folder: KitFolder, document: _Fields) -> Wiring:
    parent = document.below("connect_to")
    return Wiring(
        project=document.text("project_name", ""),
        server_identity=document.text("server_identity", ""),
        scheme=parent.text("scheme", "grpc"),
        connection_security=_security(parent),
        connects_to=(Connection(_identity(parent), *parent.address("address")),),
        listens_on=_listener(folder),
    )


def _of_admin(document: _Fields) -> Wiring:
    admin = document.below("admin")
    identity = admin.text("server_identity", "")
    if "host" in admin:
        host, port = admin.host("host"), admin.port("port")
        scheme = admin.text("scheme", "grpc")
    else:
        # Until 2.6 the console speaks over a TLS socket of its own, whatever the project's scheme.
        host, _, port = _overseer_end_point(admin)
        scheme = "tcp"
    return Wiring(
        project=admin.text("project_name", ""),
        server_identity=identity,
        scheme=scheme,
        connection_security=_security(admin),
        connects_to=(Connection(identity, host, port),),
        listens_on=(),
    )


def _overseer_end_point(fields: _Fields) -> tuple[str, int, int]:
    arguments = fields.below("overseer_agent").below("args")
    if "overseer_end_point" in arguments and "sp_end_point" not in arguments:
        raise UnreadableError(
            f"{fields.file}: the server's address comes from an overseer (HA), which composer does not run",
            "provision the project again with one server and without an overseer",
            file=fields.file,
        )
    return arguments.end_point("sp_end_point")


def _listener(folder: KitFolder) -> tuple[Listener, ...]:
    """The internal listener where the kit fixes it: a relay's public port, a client's ``listening_host``."""
    if _COMM_CONFIG not in folder.entries:
        return ()
    document = _Fields(_COMM_CONFIG, folder.document(_COMM_CONFIG))
    if "internal" not in document:
        return ()
    internal = document.below("internal")
    if "resources" not in internal:
        return ()
    resources = internal.below("resources")
    return (Listener(resources.host("host", "localhost"), resources.port("port", 0)),)


def _identity(fields: _Fields) -> str:
    """Whose certificate answers: since 2.9 it may be of another name than the participant."""
    return fields.text("auth_identity", "") or fields.text("identity")


def _security(fields: _Fields) -> str:
    # Relay kits hold the text "None" where the project does not set it; no key at all means the same.
    found = fields.text("connection_security", "mtls").lower()
    return "mtls" if found in ("", "none") else found
