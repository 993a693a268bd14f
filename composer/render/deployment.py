"""Federation → the files of a deployment folder. Pure: it reads nothing but composer's own templates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from composer import __version__
from composer.deployment.layout import is_private_file
from composer.deployment.manifest import MANIFEST, DeployedParticipant, Manifest, dump_manifest
from composer.model.federation import Federation, Participant
from composer.model.files import GeneratedFile, Owner, Rendering
from composer.model.kinds import LOCAL, RuntimeName
from composer.render.form import Form
from composer.render.hosts import host_lines


def render_deployment(
    federation: Federation,
    kits: tuple[Path, ...],
    definition: Path | None,
    caller: Owner,
    form_of: Callable[[RuntimeName], Form],
) -> Rendering:
    """Render everything that ``composer generate`` writes.

    Args:
        federation: What is to run.
        kits: The paths that the user gave, absolute; the manifest keeps them for the next run.
        definition: composer.yml, absolute, where there is one.
        caller: Who runs composer, and owns what is not a participant's.
        form_of: Returns how a runtime has it.
    """
    forms = {runtime: form_of(runtime) for runtime in federation.runtimes}
    files = [file for runtime, form in forms.items() for file in form.files(federation.run_as(runtime))]
    for participant in federation.participants:
        files += _local_overlay(participant)
    files.append(_manifest(federation, files, kits, definition, forms))
    return Rendering(tuple(sorted(files, key=lambda file: file.path)), _folders(federation, caller))


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
    federation: Federation,
    files: list[GeneratedFile],
    kits: tuple[Path, ...],
    definition: Path | None,
    forms: Mapping[RuntimeName, Form],
) -> GeneratedFile:
    manifest = Manifest(
        composer=__version__,
        federation=federation.name,
        compose_project=federation.compose_project,
        kits=kits,
        definition=definition,
        runtime=federation.runtime,
        participants=tuple(
            deployed_participant(one, federation, forms[federation.runtime_on(one.host)])
            for one in federation.participants
        ),
        hosts=federation.hosts,
        publish=federation.publish,
        files={
            str(file.path): hashlib.sha256(file.content).hexdigest()
            for file in sorted(files, key=lambda file: file.path)
        },
    )
    # A short password could be found from the SHA-256 of the file that has it.
    mode = 0o600 if any(is_private_file(file.path) for file in files) else 0o644
    return GeneratedFile(PurePosixPath(MANIFEST), dump_manifest(manifest).encode(), mode)


def deployed_participant(participant: Participant, federation: Federation, form: Form) -> DeployedParticipant:
    """Return what manifest.json says of a participant."""
    kit, origin = participant.kit, form.origin(participant)
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
        image=origin.name,
        inputs=origin.inputs,
        registry=origin.registry,
        nvflare=participant.image.nvflare,
        release=kit.release,
        root_fingerprint=kit.root_fingerprint,
        certificate_not_after=min(kit.certificate.not_after, kit.root_ends),
        host=participant.host,
    )
