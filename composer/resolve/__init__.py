"""(Project, Definition) → Federation: every default is filled in here, once. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from composer.definition import Definition, ParticipantChoice
from composer.images.build_inputs import BuildInputs
from composer.kits.internal import COMM_CONFIG, fixed_port
from composer.kits.releases import NVFLARE_VERSIONS, conflict
from composer.model.errors import ComposerError
from composer.model.federation import Elsewhere, Federation, HostEntry, Participant
from composer.model.files import GeneratedFile, Owner
from composer.model.kinds import LOCAL
from composer.model.kit import Kit, Project
from composer.model.names import compose_project_name, is_address, is_host_name, service_name, slug
from composer.model.nearest import nearest
from composer.model.reporter import some_of
from composer.resolve.bridge import resolve_aliases
from composer.resolve.choices import (
    resolve_cpus,
    resolve_environment,
    resolve_gpus,
    resolve_memory,
    resolve_mounts,
    resolve_private,
    resolve_shm_size,
    resolve_ulimits,
)
from composer.resolve.environment import resolve_own_environment
from composer.resolve.hosts import addresses, hosts_apart, place, place_apart, resolve_hosts, unreached
from composer.resolve.image import resolve_image

LOOPBACK = "127.0.0.1"


def resolve_federation(
    project: Project,
    definition: Definition,
    build_inputs: BuildInputs,
    deployment: Path,
    caller: Owner,
    apart: bool = False,
    startable: bool = True,
    memory: int = 0,
) -> Federation:
    """Resolve what is to run.

    Args:
        project: The kits.
        definition: The user's choices.
        build_inputs: The contents of the files that the definition names.
        deployment: The deployment folder (absolute).
        caller: Who runs composer; root may run containers as the kits' owner, others only as themselves.
        apart: Nobody runs here: all are on the hosts that the definition gives them, or each on one of its own.
        startable: Somebody must be on a host that composer goes to; what is only looked at need not.
        memory: Bytes that this machine has; 0: unknown.

    Raises:
        ComposerError: The definition names a participant that no kit has, or what it says cannot be run with
            the kits.
    """
    _refuse_strangers(project, definition)
    compose_project = compose_project_name(project.name)
    services = _services(project.kits)
    hosts = (hosts_apart if apart else resolve_hosts)(definition, compose_project)
    places = place_apart(project.kits, services, definition) if apart else place(project.kits, definition)
    for kit in () if apart else project.kits:
        _refuse_loopback(kit, project.kits, places)
    closed: dict[PurePath, str] = {kit.path: f"the private key of {kit.name}" for kit in project.kits}
    closed[deployment] = "the deployment folder"
    left_out = frozenset() if apart else unreached(definition, places)
    participants = tuple(
        _resolve_participant(
            kit,
            services[kit.name],
            compose_project,
            _host_entries(kit, project.kits, places, definition),
            resolve_aliases(kit, project.kits, places) if definition.network == "bridge" else (),
            _dialled_here(kit, project.kits, services, places),
            places[kit.name],
            definition,
            build_inputs,
            caller,
            memory if places[kit.name] == LOCAL else 0,
            closed if places[kit.name] == LOCAL else {},
        )
        for kit in project.kits
        if kit.name not in left_out
    )
    if startable and not participants:
        raise ComposerError(
            "no participant can be started from here", "add `endpoint: ssh://...` to one of the hosts in composer.yml"
        )
    used = tuple(host for host in hosts if any(participant.host == host.name for participant in participants))
    publish = _publish(definition)
    federation = Federation(
        project.name,
        compose_project,
        deployment,
        definition.network,
        participants,
        used,
        publish,
        definition.runtime if apart else definition.runtime_here,
        tuple(
            Elsewhere(kit, places[kit.name], definition.hosts[places[kit.name]].address)
            for kit in project.kits
            if kit.name in left_out
        ),
    )
    _refuse_what_needs_containers(federation, apart)
    return federation


def _publish(definition: Definition) -> str:
    if definition.network == "host":
        if definition.publish is not None:
            raise ComposerError(
                "publish names an address, but with host networking nothing is published",
                "write network: bridge, or leave publish out",
            )
        return ""
    address = definition.publish or "0.0.0.0"  # noqa: S104 - as the server binds with host networking
    if not is_address(address):
        raise ComposerError(f"publish: {address!r} is no IP address", "write one of this machine's, such as 127.0.0.1")
    return address


def _refuse_what_needs_containers(federation: Federation, apart: bool) -> None:
    paths = {} if apart else _paths(federation)
    for participant in federation.participants:
        host = participant.host
        if federation.runtime_on(host) != "process":
            continue
        if federation.network == "bridge":
            raise ComposerError("network: bridge is for containers", "leave it out, or use runtime: docker")
        if re.search(r"[\s'\"\\]", str(paths.get(host, ""))):
            raise ComposerError(
                f"NVFLARE cannot run jobs below {paths[host]}: its path has a blank or a quote in it",
                "name another folder with -C DIR" if host == LOCAL else f"name another folder in hosts.{host}.path",
            )
        if host != LOCAL and not apart and participant.image.wheels:
            raise ComposerError(
                f"{participant.name}: wheels are not brought to {host}, where it runs without containers",
                f"leave wheels out for it, or make a bundle for {host}: composer bundle --with-wheels -o DIR",
            )
        for mount in participant.data:
            if str(mount.source) != mount.target:
                raise ComposerError(
                    f"{participant.name}: without containers {mount.source} cannot be seen as {mount.target}",
                    "give data the same source and target, or use runtime: docker",
                )


def _paths(federation: Federation) -> Mapping[str, PurePath]:
    return {LOCAL: federation.deployment, **{host.name: host.path for host in federation.hosts}}


def _refuse_strangers(project: Project, definition: Definition) -> None:
    names = [kit.name for kit in project.kits]
    strangers = sorted(set(definition.participants) - set(names))
    if strangers:
        near = nearest(strangers[0], names)
        raise ComposerError(
            f"composer.yml names {', '.join(strangers)}, but no kit has that name",
            f"did you mean {near}?" if near else f"the kits are those of {some_of(names, 12)}",
        )


def _services(kits: Sequence[Kit]) -> dict[str, str]:
    services: dict[str, str] = {}
    for kit in kits:
        service = service_name(kit.name)
        if service in services.values():
            service = slug(f"{kit.name} {kit.type}")
        services[kit.name] = service
    return services


def _resolve_participant(
    kit: Kit,
    service: str,
    compose_project: str,
    host_entries: tuple[HostEntry, ...],
    aliases: tuple[str, ...],
    after: tuple[str, ...],
    host: str,
    definition: Definition,
    build_inputs: BuildInputs,
    caller: Owner,
    machine: int,
    closed: Mapping[PurePath, str],
) -> Participant:
    choice = definition.participants.get(kit.name, ParticipantChoice())
    image = resolve_image(
        f"{compose_project}/{slug(service)}",
        NVFLARE_VERSIONS[kit.release],
        choice.image,
        definition.image,
        build_inputs,
    )
    reason = conflict(kit.release, image.nvflare)
    if reason:
        raise ComposerError(
            f"{kit.name}: {reason}", f"leave image.nvflare out: {NVFLARE_VERSIONS[kit.release]} is what fits the kits"
        )
    local_files = build_inputs.local.get(kit.name, ())
    image = replace(image, existing_environment=resolve_own_environment(definition, host))
    return Participant(
        kit=kit,
        service=service,
        image=image,
        user=kit.owner if caller.uid == 0 else caller,
        host_entries=host_entries,
        ports=_ports(kit, local_files),
        aliases=aliases,
        after=after,
        environment=resolve_environment(kit.name, choice),
        private=resolve_private(kit.name, build_inputs.private.get(kit.name, {})),
        data=resolve_mounts(kit.name, choice, closed),
        local_files=local_files,
        gpus=resolve_gpus(kit.name, choice),
        memory=resolve_memory(kit.name, choice),
        cpus=resolve_cpus(kit.name, choice),
        shm_size=resolve_shm_size(kit.name, choice, definition.runtime_on(host) != "process", machine),
        ulimits=resolve_ulimits(kit.name, choice),
        tmp_on_disk=choice.tmp == "disk",
        host=host,
    )


def _ports(kit: Kit, local_files: Iterable[GeneratedFile]) -> tuple[int, ...]:
    """Return what a participant opens, also by what a site lays over its kit."""
    laid_over = {fixed_port(file.content) for file in local_files if file.path.name == COMM_CONFIG.name}
    return tuple(sorted(({listener.port for listener in kit.listens_on} | laid_over) - {0}))


def _dialled(kit: Kit, kits: Sequence[Kit]) -> list[tuple[str, str]]:
    """Return the host names that a participant connects to, each with the participant that answers there."""
    server = next((other.name for other in kits if other.type == "server"), "")
    return [(connection.host, connection.identity or server) for connection in kit.connects_to]


def _dialled_here(
    kit: Kit, kits: Sequence[Kit], services: Mapping[str, str], places: Mapping[str, str]
) -> tuple[str, ...]:
    answering = {name for _, name in _dialled(kit, kits)} - {kit.name}
    return tuple(sorted(services[name] for name in answering if places.get(name) == places[kit.name]))


def _host_entries(
    kit: Kit, kits: Sequence[Kit], places: Mapping[str, str], definition: Definition
) -> tuple[HostEntry, ...]:
    """Return every name that a participant or its jobs must resolve, with the address that it has on its host.

    A name of a participant that is not in this set, or on a host without an address, is left to the site's DNS,
    or to ``extra_hosts``. What it listens on itself is always where it runs.
    """
    known = addresses(definition)
    needed = [*_dialled(kit, kits), *((listener.host, kit.name) for listener in kit.listens_on)]
    found = {}
    for name, identity in needed:
        where = places.get(identity)
        if where == places[kit.name]:
            # On a bridge, containers have addresses of their own, and Docker's DNS knows them.
            if definition.network == "host":
                found[name] = LOOPBACK
        elif where is not None and where in known:
            found[name] = known[where]
    own = {listener.host for listener in kit.listens_on}
    found.update({name: address for name, address in definition.extra_hosts.items() if name not in own})
    if "localhost" in definition.extra_hosts:
        raise ComposerError(
            "extra_hosts: localhost is always the machine itself", "take it out; kits that dial it run on one machine"
        )
    for host, address in found.items():
        if not is_address(address):
            raise ComposerError(
                f"extra_hosts: {host!r} has no IP address but {address!r}", "write an IPv4 or IPv6 address"
            )
        if not is_host_name(host):
            raise ComposerError(f"{host!r} cannot be a name in /etc/hosts", "use letters, digits, dots and dashes")
    return tuple(HostEntry(host, found[host]) for host in sorted(found) if not is_address(host) and host != "localhost")


def _refuse_loopback(kit: Kit, kits: Sequence[Kit], places: Mapping[str, str]) -> None:
    """Nothing can lead ``localhost`` to another machine: every program knows where that is."""
    for name, identity in _dialled(kit, kits):
        where = places.get(identity)
        if where not in (None, places[kit.name]) and (name in ("localhost", "::1") or name.startswith("127.")):
            raise ComposerError(
                f"{kit.name} dials {identity} as {name}, which is its own machine, and {identity} is on another",
                "have the kits provisioned with a name of the server, or put both on one host",
            )
