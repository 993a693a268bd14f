"""What goes into a bundle besides kits, wheels and images. Pure.

A bundle of plain processes has the scripts of a deployment with ``runtime: process``; one of containers has a
Compose file whose paths are relative and whose user is found out where it is unpacked.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from composer.deployment.layout import COMPOSE_FILE, DEPLOYMENT_LABEL
from composer.kits.releases import minor_release, nearest_release
from composer.model.federation import Federation, Participant
from composer.model.files import GeneratedFile
from composer.render.compose import compose_document
from composer.render.docker_run import mounts, run_options
from composer.render.dockerfile import inputs_hash, render_context
from composer.render.metal import assignments, render_metal, scripts
from composer.render.private import private_conf, private_env_files
from composer.render.templates import render_template
from composer.render.yaml import Interpolated, dump_compose

KITS = PurePosixPath("kits")
_UNSET = ":?run ./start.sh}"
_COMPOSE_HEADER = (
    "# Made by composer. ./start.sh writes .env, which says as whom the containers run; after that\n"
    "# `docker compose up -d` works as well.\n"
)


@dataclass(frozen=True)
class Target:
    """The Python and the platform that wheels in a bundle are for."""

    python: str
    machine: str = platform.machine()


@dataclass(frozen=True)
class PackedImage:
    """An image in a bundle: the ID that the engine gave it, and the hash of what it was made of."""

    id: str
    inputs: str


def render_process_bundle(name: str, federation: Federation, target: Target | None) -> tuple[GeneratedFile, ...]:
    """Return the files of a bundle of plain processes.

    Args:
        name: The bundle's.
        federation: With the participants of one host only.
        target: What the wheels in it are for; None: the far side has a package index.
    """
    files = list(render_metal(federation.participants, KITS, target.python if target else None))
    if target:
        needs = f"Python {target.python} on {target.machine} (glibc 2.28 or newer)"
    else:
        needs = "; ".join(_environments(federation))
    return (*files, *_common(name, federation, needs, docker=False, offline=bool(target)))


def render_docker_bundle(
    name: str, federation: Federation, images: Mapping[str, PackedImage]
) -> tuple[GeneratedFile, ...]:
    """Return the files of a bundle of containers.

    Args:
        name: The bundle's.
        federation: With the participants of one host only.
        images: Those that are packed, by participant; empty: they are built on the far side.
    """
    participants = tuple(_packed(participant) for participant in federation.participants)
    # Another name than the deployment's: both may be on one engine.
    packed = replace(federation, compose_project=name, participants=participants)
    document = compose_document(packed)
    network = f"{name}_bridge" if packed.network == "bridge" else ""
    if network:
        # With Compose and without it is the same, made by start.sh.
        document["networks"] = {"default": {"name": network, "external": True}}
    files = list(scripts("scripts", "bundle-docker"))
    for participant in participants:
        service = document["services"][participant.service]
        image = images.get(participant.name) or PackedImage("", inputs_hash(participant))
        files.append(_configuration(participant, packed.compose_project, service, image, network))
        files += [*private_env_files([participant]), *private_conf(participant)]
        if images:
            del service["build"]
        else:
            files += render_context(participant)
    for service in document["services"].values():
        _find_user_there(service)
    files.append(GeneratedFile(PurePosixPath(COMPOSE_FILE), (_COMPOSE_HEADER + dump_compose(document)).encode(), 0o600))
    needs = "Docker Engine 20.10 or newer; Compose v2 is used where it is there" + (
        "" if images else "; a package index and the base image for the build"
    )
    return (*files, *_common(name, federation, needs, docker=True, offline=bool(images)))


def _packed(participant: Participant) -> Participant:
    """Leave out what is of this machine: paths, a proxy's certificate, pip's configuration, a folder of wheels.

    ``start.sh`` gives a build there what that machine has of it.
    """
    image = replace(participant.image, ca_bundle=None, pip_config=None, wheels=None, elsewhere=True)
    return replace(participant, kit=replace(participant.kit, path=Path(KITS / participant.service)), image=image)


def _find_user_there(service: dict[str, Any]) -> None:
    service["user"] = Interpolated(f"${{FLARE_UID{_UNSET}:${{FLARE_GID{_UNSET}")
    service["tmpfs"] = [Interpolated(f"/tmp:uid=${{FLARE_UID{_UNSET},gid=${{FLARE_GID{_UNSET},mode=0700,size=10%")]  # noqa: S108
    service["labels"][DEPLOYMENT_LABEL] = Interpolated(f"${{FLARE_BUNDLE{_UNSET}")


def _configuration(
    participant: Participant, compose_project: str, service: Mapping[str, Any], image: PackedImage, network: str
) -> GeneratedFile:
    kit = participant.kit
    dialled = kit.connects_to[0] if kit.connects_to else None
    content = assignments(
        name=participant.name,
        type=participant.type,
        image=participant.image.tag,
        image_id=image.id,
        build_network=participant.image.build_network,
        inputs=image.inputs,
        container=f"{compose_project}-{participant.service}-1",
        dials=dialled.host if dialled else "",
        port=str(dialled.port if dialled else kit.listens_on[0].port),
        security=kit.connection_security,
        network=network,
        run=run_options(service, network),
        mounts=mounts(service),
        command=service["command"],
    )
    return GeneratedFile(PurePosixPath(f"participants/{participant.service}.conf"), content.encode(), 0o600)


def _common(name: str, federation: Federation, needs: str, docker: bool, offline: bool) -> tuple[GeneratedFile, ...]:
    participants = federation.participants
    overlays = [
        replace(file, path=PurePosixPath("local", participant.service) / file.path)
        for participant in participants
        for file in participant.local_files
    ]
    readme = render_template(
        "bundle/README.j2",
        bundle=name,
        participants=[participant.name for participant in participants],
        federation=federation.name,
        nvflare=", ".join(sorted({participant.image.nvflare for participant in participants})),
        docker=docker,
        offline=offline,
        admin=bool(federation.admins),
        server=federation.server is not None,
        needs=needs,
        network=_network(participants),
    )
    return (*scripts("bundle"), *overlays, GeneratedFile(PurePosixPath("README.md"), readme.encode()))


def _environments(federation: Federation) -> Iterator[str]:
    images = [participant.image for participant in federation.participants]
    own = {(one.existing_environment, one.nvflare) for one in images if one.existing_environment}
    for folder, nvflare in sorted(own):
        yield f"NVFLARE {minor_release(nvflare)} and what the jobs import in the Python environment {folder}"
    if not all(one.existing_environment for one in images):
        yield f"Python {_pythons(federation)} with its venv module, and a package index (pip's own settings are obeyed)"


def _network(participants: Sequence[Participant]) -> list[str]:
    lines = []
    for participant in participants:
        known = {entry.name: entry.address for entry in participant.host_entries}
        lines += [f"{participant.name}: TCP port {port} is open to the others." for port in participant.ports]
        for dialled in participant.kit.connects_to:
            address = known.get(dialled.host)
            where = f"({address})" if address else "(its name resolves here: by DNS, or a line in /etc/hosts)"
            lines.append(f"{participant.name}: out to {dialled.host} {where}, TCP port {dialled.port}.")
    return lines


def _pythons(federation: Federation) -> str:
    releases = [nearest_release(participant.image.nvflare) for participant in federation.participants]
    oldest = max(release.oldest_python for release in releases)
    newest = min(release.newest_python for release in releases)
    return f"{'.'.join(map(str, oldest))} to {'.'.join(map(str, newest))}"
