"""What can be said about a kit, however broken it is; and the whole :class:`Kit` where it is not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from composer.kits.certificates import certificates_in, describe
from composer.kits.connections import Wiring, wiring_of
from composer.kits.fingerprint import releases_of
from composer.kits.folder import KitFolder, UnreadableError, load_folder
from composer.kits.launch import launch_of
from composer.model.errors import ComposerError
from composer.model.files import Owner
from composer.model.kit import Kit
from composer.model.names import fault_of_name, is_organization

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    from cryptography import x509

    from composer.model.kinds import ParticipantType
    from composer.model.kit import Certificate, Launch

    T = TypeVar("T")

TYPES: dict[str, ParticipantType] = {
    "startup/fed_server.json": "server",
    "startup/fed_client.json": "client",
    "startup/fed_admin.json": "admin",
    "startup/fed_relay.json": "relay",
}
ROOT = "startup/rootCA.pem"


@dataclass(frozen=True)
class Facts:
    """A kit as far as it can be read: what is None or empty could not be, and ``troubles`` says why.

    Attributes:
        folder: Where it was read from.
        type: None unless exactly one of the role files is there.
        releases: Which releases it may be of, the likeliest first.
        document: What its ``fed_*.json`` holds.
        wiring: What it says about the network.
        launch: How it is started; None for an admin.
        chain: The participant's certificate, and those that certify it where the file is a bundle.
        root: The authority's certificates; one, as a rule.
        owner: Whom the private key belongs to; the folder's owner where there is none.
        troubles: All that could not be read.
    """

    folder: KitFolder
    type: ParticipantType | None
    releases: tuple[str, ...]
    document: dict[str, Any] | None
    wiring: Wiring | None
    launch: Launch | None
    chain: tuple[x509.Certificate, ...]
    root: tuple[x509.Certificate, ...]
    owner: Owner
    troubles: tuple[UnreadableError, ...]

    @property
    def certificate(self) -> Certificate | None:
        """The participant's certificate."""
        return describe(self.chain[0]) if self.chain else None

    @property
    def root_fingerprint(self) -> str:
        """SHA-256 of the authority's certificate, in hex; empty where it cannot be read."""
        return describe(self.root[0]).fingerprint if self.root else ""

    @property
    def name(self) -> str:
        """The participant's name: its certificate's, or the folder's where that cannot be read."""
        certificate = self.certificate
        return certificate.common_name if certificate and certificate.common_name else self.folder.path.name

    @property
    def stem(self) -> str:
        """``server`` or ``client``: what the files of the key pair are called."""
        return "server" if self.type == "server" else "client"


def load_facts(path: Path) -> Facts:
    """Read the kit in the folder ``path`` (absolute), whatever state it is in.

    Raises:
        ComposerError: The folder cannot be listed by this user.
    """
    try:
        folder = load_folder(path)
    except OSError as error:
        raise ComposerError(
            f"{path} cannot be read: {error.strerror or error}",
            "run composer as the user that the kit belongs to",
        ) from None
    troubles: list[UnreadableError] = []

    def attempt(read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except UnreadableError as trouble:
            troubles.append(trouble)
            return otherwise

    role_file = attempt(lambda: _role_file(folder), "")
    kind = TYPES.get(role_file)
    none: tuple[x509.Certificate, ...] = ()
    stem = "server" if kind == "server" else "client"
    document = attempt(lambda: folder.document(role_file), None) if role_file else None
    chain = attempt(lambda: certificates_in(folder, f"startup/{stem}.crt"), none) if kind else none
    name = describe(chain[0]).common_name if chain else ""
    wiring = None
    launch = None
    releases: tuple[str, ...] = ()
    if kind and document is not None:
        wiring = attempt(lambda: wiring_of(folder, kind, document, name), None)
        releases = attempt(lambda: releases_of(folder, kind, document), ())
    if kind and kind != "admin":
        launch = attempt(lambda: launch_of(folder, role_file.removeprefix("startup/")), None)
    root = attempt(lambda: certificates_in(folder, ROOT), none) if _listed(folder) else none
    key = folder.entries.get(f"startup/{stem}.key")
    owner = key.owner if key else folder.root.owner
    return Facts(folder, kind, releases, document, wiring, launch, chain, root, owner, troubles=tuple(troubles))


def _listed(folder: KitFolder) -> bool:
    return folder.has_folder("startup") and "startup" not in folder.closed


def _role_file(folder: KitFolder) -> str:
    if not folder.has_folder("startup"):
        raise UnreadableError("there is no folder startup/ in it", _ANOTHER)
    if "startup" in folder.closed:
        raise UnreadableError("startup/ cannot be read", _OWNER, check="MODE", file="startup")
    found = [file for file in TYPES if file in folder.entries]
    if len(found) > 1:
        names = " and ".join(file.removeprefix("startup/") for file in found)
        raise UnreadableError(
            f"it holds {names}: the kits of two participants in one", _SEPARATE, file=found[0], also=tuple(found[1:])
        )
    prepared = [name for name in _PREPARED if name in folder.entries]
    if prepared and not folder.has("startup/sub_start.sh"):
        raise UnreadableError(
            f"it was made over by `nvflare deploy prepare` ({prepared[0]})",
            _ORIGINAL,
            file=prepared[0],
            also=_STARTED_BY,
        )
    if found:
        return found[0]
    if any(folder.has(f"startup/{name}") for name in ("privilege.yml", "gunicorn.conf.py")):
        raise UnreadableError("it is the kit of an overseer (HA), which composer does not run", _NO_OVERSEER)
    names = ", ".join(file.removeprefix("startup/") for file in TYPES)
    raise UnreadableError(f"startup/ holds none of {names}", _ANOTHER)


_PREPARED = ("startup/start_docker.sh", "startup/start_slurm.sh", "helm_chart")
_STARTED_BY = ("startup/sub_start.sh", "startup/start.sh", "startup/stop_fl.sh")
_ANOTHER = "give a kit's folder: the one that holds startup/ and local/"
_OWNER = "run composer as the user that the kit belongs to"
_SEPARATE = "unpack every kit into a folder of its own"
_ORIGINAL = "give the kit as it was provisioned, before `nvflare deploy prepare`"
_NO_OVERSEER = "provision the project again with one server and without an overseer"


def kit_of(facts: Facts) -> Kit:
    """The kit that the facts amount to, of the likeliest release.

    Raises:
        ComposerError: Something that a kit needs could not be read; the first of it.
    """
    path = facts.folder.path
    if facts.troubles:
        trouble = facts.troubles[0]
        raise ComposerError(f"{path}: {trouble.reason}", trouble.fix)
    for entry in facts.folder.entries.values():
        # Whoever runs the kit follows a link in it, to files that are none of the kit's: no check lets one through.
        if entry.kind in ("link", "other") and entry.path.partition("/")[0] in ("startup", "local"):
            what = "a symbolic link" if entry.kind == "link" else "a device, socket or pipe"
            raise ComposerError(f"{path / entry.path} is {what}", "replace it by the file itself")
    certificate = facts.certificate
    if facts.type is None or facts.wiring is None or certificate is None or not facts.releases:
        raise ComposerError(f"{path} is not a startup kit", _ANOTHER)
    fault = fault_of_name(certificate.common_name, facts.type)
    if fault:
        raise ComposerError(f"{path}: {certificate.common_name!r} is not a name that composer runs", fault)
    if certificate.organization and not is_organization(certificate.organization):
        raise ComposerError(
            f"{path}: {certificate.organization!r} is not an organization's name that composer runs",
            "use letters, digits and _, a letter or digit first",
        )
    return Kit(
        path=path,
        name=certificate.common_name,
        type=facts.type,
        release=facts.releases[0],
        project=facts.wiring.project,
        organization=certificate.organization,
        server_identity=facts.wiring.server_identity,
        scheme=facts.wiring.scheme,
        connection_security=facts.wiring.connection_security,
        connects_to=facts.wiring.connects_to,
        listens_on=facts.wiring.listens_on,
        launch=facts.launch,
        certificate=certificate,
        root_fingerprint=facts.root_fingerprint,
        root_ends=describe(facts.root[0]).not_after,
        owner=facts.owner,
    )


def settled(facts: tuple[Facts, ...]) -> tuple[Facts, ...]:
    """The same facts with every release that a kit alone leaves open settled by the kits beside it."""
    certain = {one.releases[0] for one in facts if len(one.releases) == 1}

    def settle(one: Facts) -> tuple[str, ...]:
        if len(one.releases) > 1 and certain == {"2.7"} and one.type == "admin":
            return ("2.7",)  # The same as later ones, but for a signature that it has lost.
        return tuple(sorted(one.releases, key=lambda release: release not in certain))

    return tuple(replace(one, releases=settle(one)) for one in facts)
