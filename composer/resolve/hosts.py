"""Definition → hosts, and who runs on which: the part of resolving that is about machines. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from composer.definition import Definition, HostChoice, ParticipantChoice
from composer.model.errors import ComposerError
from composer.model.host import Host
from composer.model.kinds import LOCAL
from composer.model.kit import Kit
from composer.model.names import is_address

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
_ENDPOINT = re.compile(
    r"ssh://(?:\w[\w.+-]*@)?(?:\w[\w.-]*|\[[\da-fA-F:]+\])(?::\d{1,5})?|context://\w[\w.+-]*", re.ASCII
)


def resolve_hosts(definition: Definition, compose_project: str) -> tuple[Host, ...]:
    """Return the other machines that composer goes to itself, sorted by name.

    Raises:
        ComposerError: The definition describes one that it cannot go to.
    """
    for name, choice in definition.hosts.items():
        _refuse(name, choice)
    here = [name for name, choice in definition.hosts.items() if choice.endpoint == LOCAL]
    if len(here) > 1:
        raise ComposerError(f"composer.yml calls this machine {' and '.join(here)}", "keep one of them")
    listed = {name: _host(name, choice, definition, compose_project) for name, choice in definition.hosts.items()}
    return tuple(one for _, one in sorted(listed.items()) if one.endpoint not in ("", LOCAL))


def hosts_apart(definition: Definition, compose_project: str) -> tuple[Host, ...]:
    """Return all machines that the definition lists, where none of them is this one."""
    return tuple(_host(name, choice, definition, compose_project) for name, choice in definition.hosts.items())


def _host(name: str, choice: HostChoice, definition: Definition, compose_project: str) -> Host:
    path, runtime = PurePosixPath(choice.path or "/", compose_project), choice.runtime or definition.runtime
    return Host(name, choice.address, choice.endpoint or "", path, choice.build, runtime)


def place(kits: Sequence[Kit], definition: Definition) -> Mapping[str, str]:
    """Return the host of each participant by name; LOCAL is this machine.

    Raises:
        ComposerError: A participant is placed on a host that the definition does not list.
    """
    places = {}
    for kit in kits:
        host = definition.participants.get(kit.name, ParticipantChoice()).host or LOCAL
        if host != LOCAL and host not in definition.hosts:
            raise ComposerError(
                f"{kit.name} is to be on host {host}, which composer.yml does not list",
                f"add it: hosts: {{{host}: {{address: 10.0.0.2, endpoint: ssh://{host}, path: /srv/flare}}}}",
            )
        here = host == LOCAL or definition.hosts[host].endpoint == LOCAL
        places[kit.name] = LOCAL if here else host
    return places


def place_apart(kits: Sequence[Kit], services: Mapping[str, str], definition: Definition) -> Mapping[str, str]:
    """Return the host of each participant by name where none is this machine: without one it has one of its own.

    Raises:
        ComposerError: As for :func:`place`.
    """
    places = place(kits, definition)
    named = {kit.name: definition.participants.get(kit.name, ParticipantChoice()).host for kit in kits}
    return {name: named[name] or services[name] for name in places}


def addresses(definition: Definition) -> Mapping[str, str]:
    """Return under which address each host is found, this machine (LOCAL) too where the definition says so."""
    listed = [(name, choice.address) for name, choice in definition.hosts.items()]
    return dict([*listed, *((LOCAL, one.address) for one in definition.hosts.values() if one.endpoint == LOCAL)])


def unreached(definition: Definition, places: Mapping[str, str]) -> frozenset[str]:
    """Return the participants on hosts without an endpoint: somebody else starts them, from a bundle."""
    return frozenset(name for name, host in places.items() if host != LOCAL and not definition.hosts[host].endpoint)


def _refuse(name: str, choice: HostChoice) -> None:
    if not _NAME.fullmatch(name) or name == LOCAL:
        raise ComposerError(
            f"hosts: {name!r} cannot be a host's name", "use lower-case letters, digits, dots and dashes"
        )
    if not is_address(choice.address):
        raise ComposerError(
            f"hosts.{name}.address: {choice.address!r} is no IP address", "write an IPv4 or IPv6 address"
        )
    if choice.endpoint in (None, LOCAL):
        if choice.build == "remote":
            raise ComposerError(
                f"hosts.{name}.build: composer builds nothing on a host that it does not go to",
                "give it an endpoint of the form ssh://USER@HOST, or leave build out",
            )
        return
    if not _ENDPOINT.fullmatch(choice.endpoint or ""):
        raise ComposerError(
            f"hosts.{name}.endpoint: {choice.endpoint!r} is none", "write ssh://USER@HOST, context://NAME or local"
        )
    path = PurePosixPath(choice.path or "")
    if not path.is_absolute() or path == PurePosixPath("/") or ".." in path.parts or not str(path).isprintable():
        raise ComposerError(
            f"hosts.{name}.path: {choice.path!r} is no folder that kits can be put into",
            "write an absolute path on that host, such as /srv/flare",
        )
