"""What Podman is told of each participant: the service of docker-compose.yml as options of ``podman run``. Pure.

Podman takes most of what Docker takes. What differs: who runs it without root is kept as that user in the container
(``keep-id``), a tmpfs gets its owner from ``U``, images have a registry's name in front, GPUs are CDI devices, and
SELinux labels are left as they are on the host, since kits are never changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from composer.model.federation import Federation, Participant
from composer.render.compose import compose_document
from composer.render.docker_run import run_options

# Those of Compose, so that whatever knows its projects knows these containers, too.
PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
CONFIGURATION_LABEL = "com.docker.compose.config-hash"
ONE_OFF_LABEL = "com.docker.compose.oneoff"


def image_name(participant: Participant) -> str:
    """Return the name that Podman gives a participant's image: with a registry's in front, or ``localhost``."""
    image = participant.image
    return image.tag if image.registry else f"localhost/{image.tag}"


def container_name(compose_project: str, service: str) -> str:
    """Return the name of a participant's container."""
    return f"{compose_project}-{service}"


def run_document(federation: Federation, rootless: bool) -> dict[str, Any]:
    """Return what containers.json says: for each service, in the order of their start, what it is run with.

    Args:
        federation: With the participants of this machine only.
        rootless: Whether Podman is run by an ordinary user.
    """
    services = compose_document(federation)["services"]
    participants = {one.service: one for one in federation.participants}
    # Who is dialled starts first.
    order = sorted(services, key=lambda name: bool(participants[name].after))
    return {
        "project": federation.compose_project,
        "services": {name: _service(participants[name], services[name], federation, rootless) for name in order},
    }


def render_run_file(document: Mapping[str, Any]) -> str:
    """Return the text of containers.json."""
    return json.dumps(document, indent=2) + "\n"


def _service(
    participant: Participant, service: dict[str, Any], federation: Federation, rootless: bool
) -> dict[str, Any]:
    options = [*_options(participant, service, federation.deployment, rootless)]
    said = {"options": options, "image": image_name(participant), "command": service["command"]}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    labels = {
        PROJECT_LABEL: federation.compose_project,
        SERVICE_LABEL: participant.service,
        CONFIGURATION_LABEL: digest,
    }
    options += [f"--label={name}={value}" for name, value in labels.items()]
    return {**said, "configuration": digest, "after": list(participant.after), "by_hand": participant.type == "admin"}


def _options(participant: Participant, service: dict[str, Any], deployment: Path, rootless: bool) -> Iterator[str]:
    service = {
        **service,
        "security_opt": ["no-new-privileges", "label=disable"],
        "logging": {"driver": "k8s-file", "options": {"max-size": "10m"}},
    }
    devices = service.pop("deploy", None)
    yield "--pull=never"
    if rootless:
        yield "--userns=keep-id"
    yield f"--user={participant.user}"
    yield from run_options(service, "")
    # Without its owner nobody but root could write to it.
    yield "--mount=type=tmpfs,destination=/tmp,U=true,tmpfs-mode=0700,tmpfs-size=10%"
    yield from (f"--mount={_mount(volume, deployment)}" for volume in service["volumes"])
    yield from (f"--label={name}={value}" for name, value in service["labels"].items())
    if devices:
        chosen = ("all",) if participant.gpus == "all" else participant.gpus
        yield from (f"--device=nvidia.com/gpu={gpu}" for gpu in chosen)


def _mount(volume: Mapping[str, Any], deployment: Path) -> str:
    source = str(deployment / volume["source"])
    fields = ["type=bind", _field("source", source), _field("target", volume["target"])]
    return ",".join([*fields, *(["readonly"] if volume["read_only"] else [])])


def _field(name: str, value: str) -> str:
    """Return a field of a line of CSV, in which a path may hold anything."""
    field = f"{name}={value}"
    return '"' + field.replace('"', '""') + '"' if any(sign in field for sign in ',"\r\n') else field
