"""Federation → the files of a deployment folder. Pure: it reads nothing but composer's own templates."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path, PurePosixPath

from composer import __version__
from composer.deployment.layout import COMPOSE_FILE
from composer.deployment.manifest import MANIFEST, DeployedParticipant, Manifest, dump_manifest
from composer.model import LOCAL, Federation, GeneratedFile, Owner, Participant, Rendering
from composer.render.compose import mode_of, render_compose
from composer.render.dockerfile import inputs_hash, render_context, render_wheels
from composer.render.far import HOSTS, render_host
from composer.render.hosts import host_lines, render_hosts
from composer.render.metal import VENVS, environment_name, render_metal


def render_deployment(
    federation: Federation, kits: tuple[Path, ...], definition: Path | None, caller: Owner
) -> Rendering:
    """Render everything that ``composer generate`` writes.

    Args:
        federation: What is to run.
        kits: The paths that the user gave, absolute; the manifest keeps them for the next run.
        definition: composer.yml, absolute, where there is one.
        caller: Who runs composer, and owns what is not a participant's.
    """
    contained = federation.runtime == "docker"
    files = _containers(federation) if contained else list(render_metal(federation.participants))
    for participant in federation.participants:
        files += _local_overlay(participant)
    files.append(_manifest(federation, files, kits, definition))
    return Rendering(tuple(sorted(files, key=lambda file: file.path)), _folders(federation, caller))


def _containers(federation: Federation) -> list[GeneratedFile]:
    files = [file for host in federation.hosts for file in render_host(federation, host)]
    here = tuple(participant for participant in federation.participants if participant.host == LOCAL)
    if here:
        part = replace(federation, participants=here)
        names = PurePosixPath(HOSTS, LOCAL, HOSTS) if federation.hosts else PurePosixPath(HOSTS)
        files.append(GeneratedFile(PurePosixPath(COMPOSE_FILE), render_compose(part).encode(), mode_of(here)))
        files.append(GeneratedFile(names, render_hosts(part).encode()))
    if any(participant.image.wheels for participant in federation.participants):
        files += render_wheels()
    for participant in federation.participants:
        files += render_context(participant)
    return files


def _local_overlay(participant: Participant) -> list[GeneratedFile]:
    folder = PurePosixPath("local", participant.service)
    return [replace(file, path=folder / file.path) for file in participant.local_files]


def _folders(federation: Federation, caller: Owner) -> tuple[tuple[PurePosixPath, Owner], ...]:
    """What participants write to. Mount points are among them, since Docker would make them as root."""
    folders = [(PurePosixPath("workspaces"), caller)]
    for participant in federation.participants:
        if participant.host != LOCAL:
            continue
        workspace = PurePosixPath("workspaces", participant.service)
        folders += [(path, participant.user) for path in (workspace, workspace / "startup", workspace / "local")]
        folders.append((workspace / "transfer", participant.user))
        if participant.type == "server":
            folders.append((PurePosixPath("job-store"), participant.user))
    return tuple(folders)


def _manifest(
    federation: Federation, files: list[GeneratedFile], kits: tuple[Path, ...], definition: Path | None
) -> GeneratedFile:
    manifest = Manifest(
        composer=__version__,
        federation=federation.name,
        compose_project=federation.compose_project,
        kits=kits,
        definition=definition,
        runtime=federation.runtime,
        participants=tuple(deployed_participant(participant, federation) for participant in federation.participants),
        hosts=federation.hosts,
        publish=federation.publish,
        files={
            str(file.path): hashlib.sha256(file.content).hexdigest()
            for file in sorted(files, key=lambda file: file.path)
        },
    )
    return GeneratedFile(PurePosixPath(MANIFEST), dump_manifest(manifest).encode())


def _image(participant: Participant, federation: Federation) -> str:
    """What it runs from: an image, or a folder with a virtual environment."""
    return participant.image.tag if federation.runtime == "docker" else f"{VENVS}/{environment_name(participant.image)}"


def deployed_participant(participant: Participant, federation: Federation) -> DeployedParticipant:
    """Return what manifest.json says of a participant."""
    kit = participant.kit
    addresses = {entry.name: entry.address for entry in host_lines(federation, participant.host)}
    addresses.update({entry.name: entry.address for entry in participant.host_entries})
    dialled = kit.connects_to[0] if kit.connects_to else None
    host = dialled.host if dialled else kit.listens_on[0].host
    return DeployedParticipant(
        name=participant.name,
        type=participant.type,
        service=participant.service,
        kit=kit.path,
        host_name=host,
        address=addresses.get(host, host),
        port=dialled.port if dialled else kit.listens_on[0].port,
        identity=(dialled.identity or kit.server_identity) if dialled else kit.name,
        security=kit.connection_security,
        listens=participant.ports,
        image=_image(participant, federation),
        inputs=inputs_hash(participant) if federation.runtime == "docker" else environment_name(participant.image),
        registry=participant.image.registry if federation.runtime == "docker" else "",
        nvflare=participant.image.nvflare,
        release=kit.release,
        root_fingerprint=kit.root_fingerprint,
        certificate_not_after=kit.certificate.not_after,
        host=participant.host,
    )
